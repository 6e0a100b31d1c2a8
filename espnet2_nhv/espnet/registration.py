"""Our vocoders, discriminators and joint models in ESPnet's registries, which are dictionaries of its modules."""

import functools

from espnet2.gan_svs.joint import joint_score2wav
from espnet2.gan_svs.vits import vits as singing_vits
from espnet2.gan_tts.joint import joint_text2wav
from espnet2.gan_tts.vits import vits as speech_vits
from espnet2.tasks import gan_svs, gan_tts, svs, tts

from espnet2_nhv.discriminator.registry import DISCRIMINATORS, build_discriminator
from espnet2_nhv.espnet.joint import NO_DISCRIMINATOR, JointScore2Wav, JointText2Wav
from espnet2_nhv.espnet.joint_loss import NoDiscriminator
from espnet2_nhv.espnet.joint_vocoder import JointVocoder
from espnet2_nhv.espnet.note_xiaoice import NoteXiaoiceSing
from espnet2_nhv.espnet.tasks import wrap_tasks
from espnet2_nhv.espnet.visinger import VISinger
from espnet2_nhv.vocoder.registry import VOCODERS

_registered = False


def register() -> None:
    """Make ESPnet's programs and classes know what this package adds; doing it again does nothing.

    ESPnet has no plugins, but looks names up in dictionaries. Where ours and ESPnet's names agree, ESPnet's stay.
    """
    global _registered
    if _registered:
        return
    _registered = True
    for joint in (joint_score2wav, joint_text2wav):
        for name in VOCODERS:
            joint.AVAILABLE_VOCODER.setdefault(name, functools.partial(JointVocoder, name))
        joint.AVAILABLE_DISCRIMINATORS[NO_DISCRIMINATOR] = NoDiscriminator
    for module in (joint_score2wav, joint_text2wav, singing_vits, speech_vits):
        for name in DISCRIMINATORS:
            module.AVAILABLE_DISCRIMINATORS.setdefault(name, functools.partial(build_discriminator, name))
    for name in ("visinger", "visinger2"):
        singing_vits.AVAILABLE_GENERATERS[name] = VISinger
    joint_score2wav.AVAILABLE_SCORE2MEL["note_xiaoice"] = NoteXiaoiceSing
    for task in (svs, gan_svs):
        task.svs_choices.classes["joint_score2wav"] = JointScore2Wav
        task.svs_choices.classes["note_xiaoice"] = NoteXiaoiceSing
    for task in (tts, gan_tts):
        task.tts_choices.classes["joint_text2wav"] = JointText2Wav
    wrap_tasks()
