"""The provenance room: marks, signs, verifies and recovers.

May import policies and media.
"""

from provenance import certificates, manifest, signer, trust, verifier
from provenance.certificates import SigningIdentity, ensure_development_chain
from provenance.errors import ProvenanceError
from provenance.limits import ProvenanceLimits
from provenance.manifest import ManifestRequest
from provenance.signer import SignedFile, sign_file
from provenance.trust import TrustList
from provenance.verdicts import Verdict, VerificationReport
from provenance.verifier import verify

__all__ = [
    "ManifestRequest",
    "ProvenanceError",
    "ProvenanceLimits",
    "SignedFile",
    "SigningIdentity",
    "TrustList",
    "Verdict",
    "VerificationReport",
    "certificates",
    "ensure_development_chain",
    "manifest",
    "sign_file",
    "signer",
    "trust",
    "verifier",
    "verify",
]
