"""What the families of pipelines have in common and where they differ."""

from __future__ import annotations

from dataclasses import dataclass

from generator.spec import Mode


@dataclass(frozen=True, slots=True)
class PipelineFamily:
    """One family of models.

    ``modes``: for each pipeline class that a folder can name, the class that runs each mode with
    the parts of that folder. ``multiple``: what width and height must be divisible by.
    ``stride``: frames come as k x stride + 1. ``rate_argument``: name of the argument that tells
    the model the frame rate, or empty.
    """

    name: str
    modes: dict[str, dict[Mode, str]]
    multiple: int
    stride: int
    rate_argument: str = ""
    guidance_argument: str = "guidance_scale"
    """Empty where the pipeline's guidance belongs to its own configuration."""

    def frames(self, wanted: int) -> int:
        """The smallest k x stride + 1 that is at least ``wanted``: the library would round by
        itself, in silence, and give fewer."""
        return -(-(wanted - 1) // self.stride) * self.stride + 1


def _with_stills(name: str, **more: str) -> dict[Mode, str]:
    return {Mode.TEXT_TO_VIDEO: name, Mode.IMAGE: name} | {Mode(k): v for k, v in more.items()}


def _stills(name: str, guidance: str = "guidance_scale") -> PipelineFamily:
    return PipelineFamily(
        name, {name: {Mode.IMAGE: name}}, multiple=16, stride=1, guidance_argument=guidance
    )


FAMILIES: dict[str, PipelineFamily] = {
    "wan": PipelineFamily(
        "wan",
        {
            "WanPipeline": _with_stills("WanPipeline", edit="WanVideoToVideoPipeline"),
            "WanImageToVideoPipeline": {Mode.IMAGE_TO_VIDEO: "WanImageToVideoPipeline"},
        },
        multiple=16,
        stride=4,
    ),
    "ltx": PipelineFamily(
        "ltx",
        {
            "LTXPipeline": _with_stills(
                "LTXPipeline", i2v="LTXImageToVideoPipeline", extend="LTXConditionPipeline"
            ),
        },
        multiple=32,
        stride=8,
        rate_argument="frame_rate",
    ),
    "ltx2": PipelineFamily(
        "ltx2",
        {
            "LTX2Pipeline": {
                Mode.TEXT_TO_VIDEO: "LTX2Pipeline",
                Mode.IMAGE_TO_VIDEO: "LTX2ImageToVideoPipeline",
            },
            "LTX2ImageToVideoPipeline": {Mode.IMAGE_TO_VIDEO: "LTX2ImageToVideoPipeline"},
        },
        multiple=32,
        stride=8,
        rate_argument="frame_rate",
    ),
    "hunyuan": PipelineFamily(
        "hunyuan",
        {
            "HunyuanVideoPipeline": _with_stills("HunyuanVideoPipeline"),
            "HunyuanVideoImageToVideoPipeline": {
                Mode.IMAGE_TO_VIDEO: "HunyuanVideoImageToVideoPipeline"
            },
        },
        multiple=16,
        stride=4,
    ),
    "cogvideox": PipelineFamily(
        "cogvideox",
        {
            "CogVideoXPipeline": _with_stills(
                "CogVideoXPipeline", edit="CogVideoXVideoToVideoPipeline"
            ),
            "CogVideoXImageToVideoPipeline": {Mode.IMAGE_TO_VIDEO: "CogVideoXImageToVideoPipeline"},
        },
        multiple=16,
        stride=4,
    ),
    "hunyuan1.5": PipelineFamily(
        "hunyuan1.5",
        {
            "HunyuanVideo15Pipeline": {Mode.TEXT_TO_VIDEO: "HunyuanVideo15Pipeline"},
            "HunyuanVideo15ImageToVideoPipeline": {
                Mode.IMAGE_TO_VIDEO: "HunyuanVideo15ImageToVideoPipeline"
            },
        },
        multiple=16,
        stride=4,
        guidance_argument="",
    ),
    "mochi": PipelineFamily(
        "mochi",
        {"MochiPipeline": {Mode.TEXT_TO_VIDEO: "MochiPipeline"}},
        multiple=16,
        stride=6,
    ),
    "flux": _stills("FluxPipeline"),
    "qwen-image": _stills("QwenImagePipeline", "true_cfg_scale"),
    "z-image": _stills("ZImagePipeline"),
}


def family_of(class_name: str) -> PipelineFamily | None:
    """The family of a pipeline class, by its name in ``model_index.json``."""
    for family in FAMILIES.values():
        if class_name in family.modes:
            return family
    return None
