# Options of a recipe, in ESPnet's habits. Source this after the lines `name=default  # what it is`, which stand in the
# sourcing script between `# Options` and `# End of options`: each line is an option --name VALUE, and --help shows it.
# `command` becomes what was typed, as it can be typed again.

command=./$(basename "$0")
for _word in "$@"; do
    [[ $_word =~ ^[[:alnum:]_./=:,+-]+$ ]] || _word=${_word@Q}
    command+=" $_word"
done

_options() { sed -n '/^# Options$/,/^# End of options$/p' "$0" | grep -E '^[a-z_0-9]+='; }

_help() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    echo
    echo "Options:"
    _options | sed -E 's/^([a-z_0-9]+)=(("[^"]*")|([^ ]*)) *# */\1\t\2\t/' |
        awk -F '\t' '{ printf "  --%-18s %s (default: %s)\n", $1, $3, $2 }'
}

while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) _help; exit 0 ;;
        --*)
            _name=${1#--}
            _name=${_name//-/_}
            if ! _options | grep -q "^${_name}="; then
                echo "error: $1 is not an option of $(basename "$0"); --help lists them" >&2
                exit 2
            fi
            if [ $# -lt 2 ]; then
                echo "error: $1 needs a value" >&2
                exit 2
            fi
            case $(_options | sed -nE "s/^${_name}=([^ ]*).*/\1/p"):$2 in
                true:true | true:false | false:true | false:false) ;;
                true:* | false:*)
                    echo "error: $1 takes true or false, not '$2'" >&2
                    exit 2 ;;
            esac
            printf -v "$_name" '%s' "$2"
            shift 2 ;;
        *)
            echo "error: what is '$1'? Options are given as --name value; --help lists them" >&2
            exit 2 ;;
    esac
done
