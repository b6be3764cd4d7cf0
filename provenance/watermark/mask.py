"""How much a viewer forgives where: a map of the just noticeable difference.

Smooth areas get ``floor`` grey levels and no more, whatever lies beside them; busy areas get
more, with the root of the local contrast (contrast masking, Legge and Foley 1980); very dark and
very bright areas get more (luminance adaptation, Chou and Li 1995).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Plane = NDArray[np.float32]
COARSER = 2
"""The map is this much coarser than the luma that it is made from: it has no fine detail."""


class MaskSettings(BaseModel):
    """Grey levels rms of the mark, at strength 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor: float = Field(0.5, gt=0, description="grey levels rms on smooth areas")
    texture: float = Field(0.85, ge=0, description="grey levels rms per root of contrast")
    grain: float = Field(1.0, ge=0, description="contrast below which an area counts as smooth")
    most_contrast: float = Field(30.0, gt=0, description="contrast beyond this earns no more")
    luminance: float = Field(0.6, ge=0, description="extra share at black and at white")


class Mask:
    """The map for frames of one size, with its working planes: made once, used for every frame.

    ``height`` and ``width`` are those of the half-resolution luma that :meth:`of` takes.
    """

    def __init__(self, height: int, width: int, settings: MaskSettings) -> None:
        self._settings = settings
        radius = int(max(2.0, min(height, width) / 60))
        near = -(-radius // 2)
        self._near = (2 * near + 1, 2 * near + 1)
        radius = max(1, radius // COARSER)
        self._window = (2 * radius + 1, 2 * radius + 1)
        reach = 2 * (radius + -(-near // COARSER)) + 1
        self._around = np.ones((reach, reach), dtype=np.uint8)
        self._y, self._a = (np.zeros((height, width), dtype=np.float32) for _ in range(2))
        self.size = (-(-width // COARSER), -(-height // COARSER))
        small = (self.size[1], self.size[0])
        self._small, self._b, self._c = (np.zeros(small, dtype=np.float32) for _ in range(3))
        self._ones = np.ones(small, dtype=np.float32)
        self._most = self._ones * np.float32(settings.most_contrast)

    def of(self, luma: NDArray[np.uint8], floor: float = 1.0, texture: float = 1.0) -> Plane:
        """``uint8 [h, w]`` to the forgiven rms, ``float32 [h / 2, w / 2]`` (rounded up).

        ``floor`` and ``texture`` scale the settings of these names. Valid until the next call:
        working planes are reused because fresh memory costs more than the arithmetic.
        """
        y, a, b, c = self._y, self._a, self._b, self._c
        settings = self._settings
        np.copyto(y, luma)
        cv2.blur(y, self._near, dst=a)
        cv2.subtract(y, a, dst=a)
        cv2.multiply(a, a, dst=a)
        cv2.resize(a, self.size, dst=b, interpolation=cv2.INTER_AREA)
        cv2.resize(y, self.size, dst=self._small, interpolation=cv2.INTER_AREA)
        cv2.blur(b, self._window, dst=c)
        # Running sums can end a hair below zero on flat areas.
        cv2.sqrt(np.maximum(c, 0, out=c), dst=b)
        # An edge is busy, the wall beside it is not: the least of all windows that the spot has a
        # part in counts, and the average of these reaches no further than the windows did.
        cv2.erode(b, self._around, dst=c, borderType=cv2.BORDER_REFLECT_101)
        cv2.blur(cv2.min(c, self._most, dst=b), self._window, dst=c)
        cv2.addWeighted(c, 1.0, self._ones, -settings.grain, 0, dst=b)
        contrast = cv2.sqrt(np.maximum(b, 0, out=b), dst=b)
        floor, texture = settings.floor * floor, settings.texture * texture
        cv2.addWeighted(contrast, texture, self._ones, floor, 0, dst=b)
        cv2.addWeighted(self._small, 1 / 145, self._ones, -110 / 145, 0, dst=c)
        cv2.multiply(c, c, dst=c)
        cv2.addWeighted(c, settings.luminance, self._ones, 1.0, 0, dst=c)
        cv2.multiply(b, c, dst=b)
        return b
