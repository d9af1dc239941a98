"""Envelopes and statements by packages nobody here wrote: securesystemslib signs and verifies, in-toto-attestation composes.

    envelopes.py sign FOLDER              writes FOLDER/NAME.KEY.json and FOLDER/KEY.spki for each statement and kind of key
    envelopes.py verify ENVELOPE SPKI...  exit code 0 if every one of these keys signed it, 1 if not
"""

import base64
import copy
import json
import pathlib
import sys

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key, load_pem_private_key
from google.protobuf.json_format import MessageToDict, ParseDict
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.predicates.vsa.v1.vsa_pb2 import VerificationSummary
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

IN_TOTO = "application/vnd.in-toto+json"
ARTIFACT = ResourceDescriptor(name="app.apk", digest={"sha256": "ab" * 32}).pb


def composed(kind, predicate):
    statement = Statement([ARTIFACT], kind, predicate)
    statement.validate()
    return json.dumps(MessageToDict(statement.pb)).encode()


def statements():
    provenance = {
        "buildDefinition": {
            "buildType": "https://build.example/apk/v1",
            "externalParameters": {"ref": "refs/tags/v1"},
            "resolvedDependencies": [{"uri": "git+https://source.example/app", "digest": {"gitCommit": "cd" * 20}}],
        },
        "runDetails": {
            "builder": {"id": "https://build.example/one"},
            "metadata": {"startedOn": "2026-03-01T10:00:00Z", "finishedOn": "2026-03-01T11:00:00Z"},
        },
    }
    summary = {
        "verifier": {"id": "https://verifier.example"},
        "timeVerified": "2026-03-02T00:00:00Z",
        "resourceUri": "pkg:apk/app",
        "policy": {"uri": "https://policy.example"},
        "verificationResult": "PASSED",
        # A list in the specification, one text in this package.
        "verifiedLevels": "SLSA_BUILD_LEVEL_3",
    }
    result = {
        "verifier": {"id": "https://verifier.example"},
        "timeCreated": "2026-03-03T00:00:00Z",
        "properties": ["REPRODUCED", "REVIEWED"],
    }
    yield "slsa-provenance", composed(
        "https://slsa.dev/provenance/v1", MessageToDict(ParseDict(provenance, Provenance()))
    )
    yield "slsa-vsa", composed(
        "https://slsa.dev/verification_summary/v1", MessageToDict(ParseDict(summary, VerificationSummary()))
    )
    yield "svr", composed("https://in-toto.io/attestation/svr/v0.2", result)


def sign(folder):
    for kind, signer in (("ed25519", CryptoSigner.generate_ed25519()), ("p256", CryptoSigner.generate_ecdsa())):
        public = load_pem_private_key(signer.private_bytes, None).public_key()
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{kind}.spki").write_text(base64.b64encode(spki).decode())
        for name, payload in statements():
            envelope = Envelope(payload, IN_TOTO, {})
            envelope.sign(signer)
            (folder / f"{name}.{kind}.json").write_text(json.dumps(envelope.to_dict()))
        # One key under two ids, which the other side counts as two.
        first = next(iter(envelope.signatures.values()))
        second = copy.deepcopy(first)
        second.keyid = "another"
        envelope.signatures["another"] = second
        keys = [signer.public_key, SSlibKey("another", *[getattr(signer.public_key, part) for part in ("keytype", "scheme", "keyval")])]
        counted = len(envelope.verify(keys, 2))
        (folder / f"twice.{kind}.json").write_text(json.dumps(envelope.to_dict()))
        print(f"{kind}: one key under two ids counts as {counted}")


def verify(path, spkis):
    envelope = Envelope.from_dict(json.loads(path.read_text()))
    keys = []
    for spki, keyid in zip(spkis, envelope.signatures):
        public = load_der_public_key(base64.b64decode(spki))
        keys.append(SSlibKey.from_crypto(public, keyid))
    try:
        envelope.verify(keys, len(spkis))
    except (VerificationError, ValueError) as error:
        print(f"refused: {error}")
        sys.exit(1)


if sys.argv[1] == "sign":
    sign(pathlib.Path(sys.argv[2]))
else:
    verify(pathlib.Path(sys.argv[2]), sys.argv[3:])
