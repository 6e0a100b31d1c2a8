"""ESPnet's tasks, mended and told of our vocoders; wrapped, so that what ESPnet does still happens."""

import copy
import inspect
import logging
from pathlib import Path
from typing import Optional

import torch
from espnet2.tasks import abs_task, gan_svs, gan_tts, svs, tts

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.espnet.dropin import build_dropin
from espnet2_nhv.espnet.features import spec_of
from espnet2_nhv.espnet.listener import AcousticListener
from espnet2_nhv.espnet.note_xiaoice import NoteXiaoiceSing
from espnet2_nhv.espnet.visinger import uses_ours
from espnet2_nhv.espnet.visinger_timing import VISingerTiming
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.registry import VOCODERS, full_arguments
from espnet2_nhv.vocoder.saved import load_card, load_vocoder

# Task: what ESPnet calls its model there, the name of the choice of a joint model, and the features' choices.
_TASKS = {
    svs.SVSTask: ("svs", "joint_score2wav", svs.feats_extractor_choices),
    gan_svs.GANSVSTask: ("svs", "joint_score2wav", gan_svs.feats_extractor_choices),
    tts.TTSTask: ("tts", "joint_text2wav", tts.feats_extractor_choices),
    gan_tts.GANTTSTask: ("tts", "joint_text2wav", gan_tts.feats_extractor_choices),
}


_beside: Optional[Path] = None  # the folder of the model that is being read


def wrap_tasks() -> None:
    """Wrap the tasks' model and vocoder builders; once a process."""
    for task in _TASKS:
        _wrap(task)
    abs_task.load_pretrained_model = _strict_init(abs_task.load_pretrained_model)


def _wrap(task: type) -> None:
    build, from_file = task.build_model, task.build_model_from_file
    build_vocoder = getattr(task, "build_vocoder_from_file", None)

    def build_model(cls, args):
        _find_statistics(args)
        init = _prepare(args, *_TASKS[task])
        model = build(args)
        _connect(model, _TASKS[task][0], init)
        return model

    def build_model_from_file(cls, config_file=None, model_file=None, device="cpu"):
        global _beside
        _beside = Path(config_file).parent if config_file is not None else Path(model_file).parent
        try:
            model, args = from_file(config_file, model_file, device)
        finally:
            _beside = None
        if model_file is not None and _is_ours(getattr(model, _TASKS[task][0])):
            _check_weights(model, model_file)
        return model, args

    def build_vocoder_from_file(cls, vocoder_config_file=None, vocoder_file=None, model=None, device="cpu"):
        if str(vocoder_file) == "griffin_lim":
            vocoder_file = None  # what ESPnet takes that for, but its singing program never gives
        elif vocoder_file is not None and not str(vocoder_file).endswith(".pkl"):
            return build_dropin(vocoder_config_file, vocoder_file, model, device)
        if build_vocoder is None:
            raise UserError(f"{vocoder_file}: a joint model takes a saved vocoder of espnet2_nhv (a folder) only")
        return build_vocoder(vocoder_config_file, vocoder_file, model, device)

    for function in (build_model, build_model_from_file, build_vocoder_from_file):
        setattr(task, function.__name__, classmethod(function))


def _find_statistics(args) -> None:
    """Statistics that lie beside a model's configuration are found there, wherever the model was trained."""
    conf = getattr(args, "normalize_conf", None) or {}
    file = Path(conf.get("stats_file", "."))
    if _beside is not None and not file.exists() and (_beside / file.name).is_file():
        args.normalize_conf = {**conf, "stats_file": str(_beside / file.name)}


def _is_ours(network: torch.nn.Module) -> bool:
    ours = isinstance(network, NoteXiaoiceSing) or hasattr(network, "connect")
    return ours or hasattr(getattr(network, "generator", None), "vocoder_arguments")


def _prepare(args, what: str, joint: str, feats_choices) -> Optional[str]:
    """Complete the model's configuration in `args`, which ESPnet saves: it then needs no other file.

    Returns
    -------
    init : the saved vocoder to start from, or None
    """
    if getattr(args, what) not in (joint, "vits") or getattr(args, f"{what}_conf", None) is None:
        return None
    conf = copy.deepcopy(getattr(args, f"{what}_conf"))
    spec = None
    if args.odim is None and args.feats_extract == "fbank":
        spec = spec_of(feats_choices.get_class(args.feats_extract)(**args.feats_extract_conf))
    if getattr(args, what) == "vits":
        init = _prepare_visinger(conf, spec) if what == "svs" else None
    else:
        init = _prepare_joint(conf, spec, what)
    setattr(args, f"{what}_conf", conf)
    return init


def _prepare_joint(conf: dict, spec: Optional[FeatureSpec], what: str) -> Optional[str]:
    if what == "svs":
        conf.setdefault("generator_params", {})  # ESPnet's task writes into it whatever the model is
    if spec is not None:
        _fill(conf, "sampling_rate", spec.fs)
        if conf["sampling_rate"] != spec.fs:
            raise UserError(f"sampling_rate is {conf['sampling_rate']}, but feats_extract works at fs {spec.fs}")
        _fill(conf, "mel_loss_params", _mel_loss(spec))
    if conf.get("vocoder_type") not in VOCODERS:
        return None
    conf["vocoder_params"], init = _complete(conf["vocoder_type"], conf.get("vocoder_params") or {}, spec)
    return init


def _prepare_visinger(conf: dict, spec: Optional[FeatureSpec]) -> Optional[str]:
    defaults = inspect.signature(gan_svs.VITS.__init__).parameters
    _fill(conf, "generator_params", copy.deepcopy(defaults["generator_params"].default), say=False)
    params = conf["generator_params"]
    if not uses_ours(conf.get("vocoder_generator_type"), params.get("vocoder_arguments")):
        return None
    if spec is not None:
        _fill(conf, "sampling_rate", spec.fs)
        _fill(conf, "mel_loss_params", _mel_loss(spec))
    params["vocoder_arguments"], init = _complete(
        conf["vocoder_generator_type"], params.get("vocoder_arguments") or {}, spec
    )
    if init is not None:
        raise UserError("VISinger's decoder reads its own latent features: it cannot start from init_vocoder")
    return None


def _fill(conf: dict, name: str, value, say: bool = True) -> None:
    if name not in conf:
        if say:
            logging.info("%s is not given: %s, after feats_extract", name, value)
        conf[name] = value


def _mel_loss(spec: FeatureSpec) -> dict:
    """Arguments of ESPnet's mel loss; its defaults are those of 22.05 kHz."""
    return dict(
        fs=spec.fs, n_fft=spec.n_fft, hop_length=spec.hop_length, win_length=spec.win_length, window=spec.window,
        n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, log_base=spec.log_base,
    )  # fmt: skip


def _complete(name: str, params: dict, spec: Optional[FeatureSpec]):
    """Arguments of a vocoder with nothing left to be looked up, and the saved vocoder to start from or None."""
    params = dict(params)
    init = params.pop("init_vocoder", None)
    known = params.pop("spec", None)
    if init is not None:
        card = load_card(init)
        if card["vocoder"] != name:
            raise UserError(f"init_vocoder {init} is {card['vocoder']}, but vocoder_type is {name}")
        params = {**card["arguments"], **params}
        known = card["spec"]
    elif known is None:
        if spec is None:
            raise UserError(
                f"vocoder_type {name} needs to know what its features mean: feats_extract: fbank says it, or "
                "vocoder_params: spec (a mapping as in conf/feature)"
            )
        known = spec.to_dict()
    try:
        return {"spec": known, **full_arguments(name, **params)}, init
    except TypeError as error:
        raise UserError(f"vocoder_params of {name}: {in_one_line(error)}") from error


def _connect(model: torch.nn.Module, what: str, init: Optional[str]) -> None:
    network = getattr(model, what)
    if hasattr(network, "connect"):
        if init is not None:
            saved = load_vocoder(init, fuse=False).state_dict()
            try:
                network.generator["vocoder"].vocoder.load_state_dict(saved, strict=True)
            except RuntimeError as error:
                reason = in_one_line(error)
                raise UserError(f"init_vocoder {init}: its weights do not fit vocoder_params ({reason})") from None
        network.connect(model, is_new=init is None)
    elif hasattr(getattr(network, "generator", None), "vocoder_arguments"):
        if getattr(model.pitch_extract, "use_log_f0", False) or model.pitch_normalize is not None:
            raise UserError(
                "VISinger reads F0 in Hz: set use_log_f0: false in pitch_extract_conf and pitch_normalize: none"
            )
        network.listener = VISingerTiming(network)
    elif what == "svs" and hasattr(network, "inference") and hasattr(network, "length_regulator"):
        # For --durations label, which needs no vocoder.
        network.listener = AcousticListener(network, model.pitch_extract, model.pitch_normalize)


def _check_weights(model: torch.nn.Module, model_file) -> None:
    """ESPnet's loader says nothing of weights that are missing or left over."""
    try:
        there = set(torch.load(model_file, map_location="cpu", mmap=True, weights_only=True))
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{model_file}: not readable ({in_one_line(error)})") from None
    wanted = set(model.state_dict())
    if not any(".discriminator." in name for name in there):  # it does not sing, and is most of such a file
        wanted = {name for name in wanted if ".discriminator." not in name}
    for names, fault in ((sorted(wanted - there), "has no weights"), (sorted(there - wanted), "has unknown weights")):
        if names:
            raise UserError(
                f"{model_file}: {fault} {names[0]} (one of {len(names)}): it is not of this configuration "
                f"({Path(model_file).parent}/config.yaml)"
            )


def _strict_init(load):
    """ESPnet's ``--init_param`` with an error where nothing in the file has the name that was asked for."""

    def load_pretrained_model(init_param, model, ignore_init_mismatch, map_location="cpu"):
        path, *rest = init_param.split(":")
        source = rest[0] if rest else ""
        if not Path(path).is_file():
            raise UserError(f"--init_param {init_param}: there is no file {path}")
        if source:
            there = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
            if not any(name.startswith(f"{source}.") for name in there):
                begins = sorted({name.split(".")[0] for name in there})
                raise UserError(
                    f"--init_param {init_param}: no weight in {path} begins with '{source}.'; there are "
                    f"{', '.join(begins)}"
                )
        return load(init_param, model, ignore_init_mismatch, map_location=map_location)

    return load_pretrained_model
