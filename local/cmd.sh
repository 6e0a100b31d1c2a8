# How run.sh starts a training: by ESPnet's launcher, with one of these in the place of Kaldi's run.pl.
# "local" is this machine; "slurm" submits a job, SBATCH_OPTIONS="--partition gpu" and the like are added to it.

launcher_of() { # launcher_of NAME: the script of that name
    case $1 in
        local) echo "$root/local/jobs/run.pl" ;;
        slurm) echo "$root/local/jobs/slurm.pl" ;;
        *) echo "error: there is no launcher '$1'; there are local and slurm" >&2; return 1 ;;
    esac
}
