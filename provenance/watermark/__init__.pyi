from .assurance import (
    Assurance as Assurance,
    AssuranceSettings as AssuranceSettings,
    assure as assure,
    require as require,
)
from .carrier import parse_payload as parse_payload
from .detector import (
    Detection as Detection,
    detect as detect,
)
from .embedder import (
    Embedder as Embedder,
    EmbedderSettings as EmbedderSettings,
)
from .errors import (
    CannotCarry as CannotCarry,
    FrameUnsuitable as FrameUnsuitable,
    PayloadInvalid as PayloadInvalid,
    WatermarkError as WatermarkError,
    WatermarkKeyError as WatermarkKeyError,
)
from .geometry import Geometry as Geometry
from .keys import (
    CarrierKey as CarrierKey,
    KeyRing as KeyRing,
)
from .mask import MaskSettings as MaskSettings
from .plan import Plan as Plan
from .segments import (
    Scan as Scan,
    ScanSettings as ScanSettings,
    Span as Span,
    scan_file as scan_file,
)
from .settings import DetectorSettings as DetectorSettings
