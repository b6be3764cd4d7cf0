from .context import (
    AgeMode as AgeMode,
    Context as Context,
    NEURAL as NEURAL,
    PROCEDURAL as PROCEDURAL,
)
from .decision import (
    Action as Action,
    CheckStatus as CheckStatus,
    Decision as Decision,
    Match as Match,
    Missing as Missing,
    Segment as Segment,
    Signal as Signal,
    Stage as Stage,
)
from .document import (
    Overlay as Overlay,
    Policy as Policy,
    Rule as Rule,
)
from .engine import (
    EVALUATION as EVALUATION,
    evaluate as evaluate,
)
from .errors import (
    PolicyError as PolicyError,
    PolicyInvalid as PolicyInvalid,
    PolicyNotFound as PolicyNotFound,
    PolicyTooLarge as PolicyTooLarge,
)
from .issues import Issue as Issue
from .loader import (
    check as check,
    library as library,
    load as load,
    loads as loads,
)
from .overlay import effective as effective
