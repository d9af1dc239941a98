"""Checks a published log with packages nobody here wrote: pymerkle makes the tree, cryptography checks the signature.

    check.py FOLDER PROOFS

No tile of hashes is read: the entries make the tree, and its root must be the one that was signed. PROOFS has one claim a
line: `inclusion INDEX HASH,...` or `root SIZE HASH`. Says what it accepted, or refuses with exit code 1.
"""

import base64
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion


def refuse(why):
    print(f"refused: {why}")
    sys.exit(1)


def signed(public):
    """Size and root that the key beside the log signed."""
    name, _, key = (public / "vkey").read_text().strip().split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[0] != 1:
        refuse("not an Ed25519 key of a log")
    text, signatures = (public / "checkpoint").read_text().split("\n\n")
    text += "\n"
    lines = [line for line in signatures.splitlines() if line.startswith(f"\u2014 {name} ")]
    if not lines:
        refuse("nobody signed")
    signature = base64.b64decode(lines[0].split(" ")[2], validate=True)[4:]
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature, text.encode())
    origin, size, root = text.splitlines()[:3]
    if origin != name:
        refuse("another origin than the key's")
    return int(size), base64.b64decode(root, validate=True)


def entries(public, size):
    for index in range((size + 255) // 256):
        width = min(256, size - index * 256)
        bundle = (public / f"tile/entries/{index:03}{'' if width == 256 else f'.p/{width}'}").read_bytes()
        for _ in range(width):
            length = int.from_bytes(bundle[:2], "big")
            yield bundle[2 : 2 + length]
            bundle = bundle[2 + length :]
        if bundle:
            refuse(f"bundle {index} goes on after its entries")


def main():
    public = pathlib.Path(sys.argv[1])
    size, root = signed(public)
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries(public, size):
        tree.append_entry(entry)
    if tree.get_size() != size or tree.get_root(size) != root:
        refuse("the entries make another root than the one that was signed")
    inclusions = roots = 0
    for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
        kind, number, hashes = line.split(" ")
        number = int(number)
        if kind == "inclusion":
            # Their index starts at one, and their path has the entry's own hash where it stands among its siblings.
            proof = tree.prove_inclusion(number + 1, size)
            leaf = tree.get_leaf(number + 1)
            verify_inclusion(leaf, root, proof)
            path = list(proof.serialize()["path"])
            path.remove(leaf.hex())
            if path != [hash for hash in hashes.split(",") if hash]:
                refuse(f"another proof of entry {number}")
            inclusions += 1
        elif kind == "root":
            if tree.get_root(number).hex() != hashes:
                refuse(f"another root at {number}")
            verify_consistency(bytes.fromhex(hashes), root, tree.prove_consistency(number, size))
            roots += 1
    print(f"accepted: {size} entries, {inclusions} inclusions, {roots} roots")


try:
    main()
except (InvalidSignature, ValueError) as error:
    refuse(repr(error))
