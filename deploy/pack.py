#!/usr/bin/env python3
"""Packs a built program for a release, with the standard library only. The same input gives the same bytes.

pack.py archive TARGET PROGRAM        backup-check-TARGET.tar.gz (.zip for Windows): program, completions, man page
pack.py deb ARCHIVE...                a Debian package of each archive
pack.py wheel ARCHIVE...              a Python wheel of each archive
pack.py image CERTIFICATES ARCHIVE... the folder `image`, an OCI image of all archives; prints its digest
pack.py formula SHA256SUMS            backup-check.rb, the Homebrew formula

Files are written to the working directory. SOURCE_DATE_EPOCH is the time of every file in them.
"""

import base64
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "backup-check"
SUMMARY = "Check whether the cross-account copies of AWS Backup can work"
# The first time that a zip file can hold.
EPOCH = max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800)

# Architecture of Debian and OCI, and platforms of the wheel. The static programs run on every Linux.
TARGETS = {
    "x86_64-unknown-linux-musl": ("amd64", "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64"),
    "aarch64-unknown-linux-musl": ("arm64", "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64"),
    "x86_64-unknown-linux-gnu": ("amd64", "linux_x86_64"),
    "x86_64-apple-darwin": (None, "macosx_10_12_x86_64"),
    "aarch64-apple-darwin": (None, "macosx_11_0_arm64"),
    "x86_64-pc-windows-msvc": (None, "win_amd64"),
}

# Files of an archive beside the program: what prints them, and where an installation has them.
GENERATED = {
    "completions/backup-check.bash": (["completions", "bash"], "share/bash-completion/completions/backup-check"),
    "completions/_backup-check": (["completions", "zsh"], "share/zsh/site-functions/_backup-check"),
    "completions/backup-check.fish": (["completions", "fish"], "share/fish/vendor_completions.d/backup-check.fish"),
    "completions/_backup-check.ps1": (["completions", "powershell"], None),
    "backup-check.1": (["man"], "share/man/man1/backup-check.1"),
}


def read_manifest(key):
    return re.search(rf'^{key} = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]


VERSION = read_manifest("version")
REPOSITORY = read_manifest("repository")


def write_tar(files):
    """Returns a tar of (name, content, mode), with the folders that they are in; content None is a folder."""
    out = io.BytesIO()
    seen = set()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content, mode in files:
            folders = [str(it) for it in reversed(Path(name).parents) if str(it) != "."]
            for folder in folders + ([name] if content is None else []):
                if folder not in seen:
                    seen.add(folder)
                    entry = tarfile.TarInfo(folder)
                    own = mode if folder == name else 0o755
                    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, own, EPOCH
                    tar.addfile(entry)
            if content is not None:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), mode, EPOCH
                tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content, mode in files:
            entry = zipfile.ZipInfo(name, time.gmtime(EPOCH)[:6])
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            out.writestr(entry, content)


def write_archive(target, program):
    folder = f"{NAME}-{target}"
    binary = f"{NAME}.exe" if "windows" in target else NAME
    files = [(f"{folder}/{binary}", Path(program).read_bytes(), 0o755)]
    for name, (command, _) in GENERATED.items():
        text = subprocess.run([str(Path(program).resolve()), *command], check=True, stdout=subprocess.PIPE).stdout
        files.append((f"{folder}/{name}", text, 0o644))
    for name in ["LICENSE", "README.md", "CHANGELOG.md"]:
        files.append((f"{folder}/{name}", (ROOT / name).read_bytes(), 0o644))
    if "windows" in target:
        write_zip(f"{folder}.zip", files)
    else:
        Path(f"{folder}.tar.gz").write_bytes(gzip.compress(write_tar(files), mtime=0))


def read_archive(path):
    """Returns the target of an archive, and its files by their names without the folder."""
    target = re.fullmatch(rf"{NAME}-(.+?)\.(tar\.gz|zip)", Path(path).name)[1]
    files = {}
    if path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            files = {it: archive.read(it) for it in archive.namelist() if not it.endswith("/")}
    else:
        with tarfile.open(path) as archive:
            files = {it.name: archive.extractfile(it).read() for it in archive if it.isfile()}
    return target, {name.split("/", 1)[1]: content for name, content in files.items()}


def list_shared(files):
    """Returns completions and man page where an installation has them, below its prefix."""
    return [(place, files[name], 0o644) for name, (_, place) in GENERATED.items() if place]


def write_deb(path):
    target, files = read_archive(path)
    architecture = TARGETS[target][0]
    version = VERSION.replace("-", "~")
    shared = []
    for place, content, mode in list_shared(files):
        if place.startswith("share/man/"):
            place, content = f"{place}.gz", gzip.compress(content, mtime=0)
        shared.append((place.replace("share/zsh/site-functions", "share/zsh/vendor-completions"), content, mode))
    documents = f"share/doc/{NAME}"
    data = [
        ("bin/backup-check", files[NAME], 0o755),
        *shared,
        (f"{documents}/copyright", files["LICENSE"], 0o644),
        (f"{documents}/changelog.gz", gzip.compress(files["CHANGELOG.md"], mtime=0), 0o644),
    ]
    data = [(f"usr/{name}", content, mode) for name, content, mode in data]
    size = sum(len(content) for _, content, _ in data) // 1024 + 1
    control = [
        f"Package: {NAME}",
        f"Version: {version}",
        f"Architecture: {architecture}",
        f"Maintainer: {NAME} developers <{REPOSITORY}/issues>",
        *(["Depends: libc6"] if target.endswith("-gnu") else []),
        f"Installed-Size: {size}",
        "Section: admin",
        "Priority: optional",
        f"Homepage: {REPOSITORY}",
        f"Description: {SUMMARY}",
        " Reports, before a resource is tagged for AWS Backup, whether its copy to the",
        " central account can work, why not, and how to fix it.",
    ]
    sums = "".join(f"{hashlib.md5(content).hexdigest()}  {name}\n" for name, content, _ in data)
    control = [("control", "\n".join(control + [""]).encode(), 0o644), ("md5sums", sums.encode(), 0o644)]
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", gzip.compress(write_tar(control), mtime=0)),
        ("data.tar.xz", lzma.compress(write_tar(data))),
    ]
    with open(f"{NAME}_{version}_{architecture}.deb", "wb") as out:
        out.write(b"!<arch>\n")
        for name, content in members:
            out.write(f"{name:<16}{EPOCH:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            out.write(content + b"\n" * (len(content) % 2))


def write_wheel(path):
    target, files = read_archive(path)
    platforms = TARGETS[target][1]
    version = re.sub(r"-(alpha|beta|rc)\.?", lambda it: {"alpha": "a", "beta": "b", "rc": "rc"}[it[1]], VERSION)
    name = f"{NAME.replace('-', '_')}-{version}"
    program = f"{NAME}.exe" if "windows" in target else NAME
    metadata = f"""Metadata-Version: 2.4
Name: {NAME}
Version: {version}
Summary: {SUMMARY}
License-Expression: {read_manifest("license")}
License-File: LICENSE
Requires-Python: >=3.8
Project-URL: Repository, {REPOSITORY}
Project-URL: Documentation, {read_manifest("documentation")}
Description-Content-Type: text/markdown

{files["README.md"].decode()}"""
    tags = "".join(f"Tag: py3-none-{it}\n" for it in platforms.split("."))
    wheel = f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: false\n{tags}"
    content = [
        (f"{name}.data/scripts/{program}", files[program], 0o755),
        *((f"{name}.data/data/{place}", text, mode) for place, text, mode in list_shared(files)),
        (f"{name}.dist-info/licenses/LICENSE", files["LICENSE"], 0o644),
        (f"{name}.dist-info/METADATA", metadata.encode(), 0o644),
        (f"{name}.dist-info/WHEEL", wheel.encode(), 0o644),
    ]
    record = ""
    for file, text, _ in content:
        digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
        record += f"{file},sha256={digest},{len(text)}\n"
    record += f"{name}.dist-info/RECORD,,\n"
    content.append((f"{name}.dist-info/RECORD", record.encode(), 0o644))
    write_zip(f"{name}-py3-none-{platforms}.whl", content)


def write_image(certificates, *archives):
    """Writes an image layout: a layer, a config and a manifest for each archive, and an index of them."""
    blobs = Path("image/blobs/sha256")
    blobs.mkdir(parents=True)

    def write_blob(content, kind, **rest):
        content = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        kind = f"application/vnd.oci.image.{kind}"
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content), **rest}

    bundle = "etc/ssl/certs/ca-certificates.crt"
    labels = {
        "org.opencontainers.image.description": SUMMARY,
        "org.opencontainers.image.licenses": read_manifest("license"),
        "org.opencontainers.image.source": REPOSITORY,
        "org.opencontainers.image.title": NAME,
        "org.opencontainers.image.version": VERSION,
    }
    manifests = []
    for path in archives:
        target, files = read_archive(path)
        platform = {"architecture": TARGETS[target][0], "os": "linux"}
        layer = write_tar(
            [
                (NAME, files[NAME], 0o755),
                ("LICENSE", files["LICENSE"], 0o644),
                (bundle, Path(certificates).read_bytes(), 0o644),
                ("home", None, 0o755),
                ("work", None, 0o755),
                ("tmp", None, 0o1777),
            ]
        )
        config = {
            **platform,
            "config": {
                "Entrypoint": [f"/{NAME}"],
                # ~/.aws is mounted as /home/.aws.
                "Env": ["HOME=/home", "PATH=/", f"SSL_CERT_FILE=/{bundle}"],
                "Labels": labels,
                "User": "65532:65532",
                # A task of ECS gives its volume the owner and the mode that a folder has which is declared here.
                "Volumes": {"/tmp": {}},
                "WorkingDir": "/work",
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": write_blob(config, "config.v1+json"),
            "layers": [write_blob(gzip.compress(layer, mtime=0), "layer.v1.tar+gzip")],
        }
        manifests.append(write_blob(manifest, "manifest.v1+json", platform=platform))
    kind = "index.v1+json"
    index = {"schemaVersion": 2, "mediaType": f"application/vnd.oci.image.{kind}", "annotations": labels}
    named = write_blob({**index, "manifests": manifests}, kind)
    named["annotations"] = {"org.opencontainers.image.ref.name": VERSION}
    Path("image/oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    Path("image/index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    print(named["digest"])


def write_formula(sums):
    digests = dict(reversed(line.split()) for line in Path(sums).read_text().splitlines())

    def write_source(target):
        archive = f"{NAME}-{target}.tar.gz"
        return f"""      url "{REPOSITORY}/releases/download/v{VERSION}/{archive}"
      sha256 "{digests[archive]}\""""

    Path(f"{NAME}.rb").write_text(f"""class BackupCheck < Formula
  desc "{SUMMARY}"
  homepage "{REPOSITORY}"
  version "{VERSION}"
  license "{read_manifest("license")}"

  on_macos do
    on_arm do
{write_source("aarch64-apple-darwin")}
    end
    on_intel do
{write_source("x86_64-apple-darwin")}
    end
  end

  on_linux do
    on_arm do
{write_source("aarch64-unknown-linux-musl")}
    end
    on_intel do
{write_source("x86_64-unknown-linux-musl")}
    end
  end

  def install
    bin.install "backup-check"
    man1.install "backup-check.1"
    bash_completion.install "completions/backup-check.bash" => "backup-check"
    fish_completion.install "completions/backup-check.fish"
    zsh_completion.install "completions/_backup-check"
  end

  test do
    assert_match version.to_s, shell_output("#{{bin}}/backup-check --version")
  end
end
""")


def main(command="", *arguments):
    each = {"deb": write_deb, "wheel": write_wheel}
    once = {"archive": write_archive, "image": write_image, "formula": write_formula}
    if command in each and arguments:
        for path in arguments:
            each[command](path)
    elif command in once and arguments:
        once[command](*arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
