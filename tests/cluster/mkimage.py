#!/usr/bin/python3
"""Writes a one-layer container image as an OCI archive, for `ctr images import`.

    mkimage.py OUT.tar NAME:TAG ENTRYPOINT_JSON PATH=SOURCE...

SOURCE is a file of this machine, `@TARGET` for a symbolic link, or `text:TEXT`.
"""

import hashlib
import io
import json
import platform
import sys
import tarfile
from pathlib import Path, PurePosixPath

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Archive:
    """A tar file in memory: reproducible, since it records no times or owners."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w")
        self._folders: set[PurePosixPath] = set()

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        info = self._entry(path, tarfile.REGTYPE, mode)
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))

    def link(self, path: str, target: str) -> None:
        info = self._entry(path, tarfile.SYMTYPE, 0o777)
        info.linkname = target
        self._tar.addfile(info)

    def content(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()

    def _entry(self, path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            if folder not in self._folders:
                self._folders.add(folder)
                self._tar.addfile(self._info(str(folder), tarfile.DIRTYPE, 0o755))
        return self._info(path, kind, mode)

    @staticmethod
    def _info(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(path)
        info.type, info.mode = kind, mode
        return info


def layer_of(entries: list[str]) -> bytes:
    layer = Archive()
    for entry in entries:
        path, source = entry.split("=", 1)
        if source.startswith("@"):
            layer.link(path, source[1:])
        elif source.startswith("text:"):
            layer.file(path, source[5:].encode())
        else:
            layer.file(path, Path(source).read_bytes(), 0o755)
    return layer.content()


def image_of(name: str, entrypoint: list[str], layer: bytes) -> bytes:
    image = Archive()
    image.file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')

    def blob(media_type: str, data: bytes) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        image.file(f"blobs/sha256/{digest}", data)
        kind = f"application/vnd.oci.image.{media_type}"
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    layers = [blob("layer.v1.tar", layer)]
    config = blob("config.v1+json", json.dumps({
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "Env": ["PATH=/bin"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [layers[0]["digest"]]},
    }).encode())
    manifest = blob("manifest.v1+json", json.dumps(
        {"schemaVersion": 2, "config": config, "layers": layers}).encode())
    manifest["annotations"] = {"io.containerd.image.name": name}
    image.file("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
    return image.content()


def main() -> None:
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    out, name, entrypoint, *entries = sys.argv[1:]
    Path(out).write_bytes(image_of(name, json.loads(entrypoint), layer_of(entries)))


if __name__ == "__main__":
    main()
