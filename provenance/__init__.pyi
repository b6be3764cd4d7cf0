from . import (
    certificates as certificates,
    manifest as manifest,
    signer as signer,
    trust as trust,
    verifier as verifier,
)
from .certificates import (
    SigningIdentity as SigningIdentity,
    ensure_development_chain as ensure_development_chain,
)
from .errors import ProvenanceError as ProvenanceError
from .limits import ProvenanceLimits as ProvenanceLimits
from .manifest import ManifestRequest as ManifestRequest
from .signer import (
    SignedFile as SignedFile,
    sign_file as sign_file,
)
from .trust import TrustList as TrustList
from .verdicts import (
    Verdict as Verdict,
    VerificationReport as VerificationReport,
)
from .verifier import verify as verify
