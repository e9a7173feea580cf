//! Puts the commit and its date into `backup-check --version`, and makes a release a quarter smaller on Linux.
//!
//! They come from `BACKUP_CHECK_COMMIT` (such as `0123456789 2026-11-29`, for builds of source archives), from the
//! file that cargo adds to a published crate, or from git. The time and the machine of the build are not recorded:
//! the same commit gives the same program.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script reads its environment and answers on stdout"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Hexadecimal digits of a commit.
const DIGITS: usize = 10;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let package = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=BACKUP_CHECK_COMMIT");
    let commit = env::var("BACKUP_CHECK_COMMIT")
        .ok()
        .filter(|it| !it.is_empty())
        .or_else(|| read_crate_commit(&root))
        .or_else(|| read_git_commit(&root));
    let version = commit.map_or_else(|| package.clone(), |it| format!("{package} ({it})"));
    println!("cargo:rustc-env=BACKUP_CHECK_VERSION={version}");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        for argument in find_link_arguments().unwrap_or_default() {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
}

/// Leaves out the tables that unwind the stack: a release aborts where it panics, and has no symbols for a backtrace.
/// `INSERT` adds to the layout of the linker instead of replacing it.
const WITHOUT_UNWINDING: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table .gcc_except_table.*) } } INSERT AFTER .text;";

/// Returns arguments that let lld make a smaller program: one function instead of several that are the same, no tables
/// that unwind the stack, and packed relocations where the C library knows them. None where the linker is another one,
/// and Rust comes without lld.
fn find_link_arguments() -> Option<Vec<String>> {
    let folder = PathBuf::from(env::var_os("OUT_DIR")?);
    let script = folder.join("without-unwinding.ld");
    fs::write(&script, WITHOUT_UNWINDING).ok()?;
    let smaller = vec![
        "-Wl,--icf=all".to_owned(),
        format!("-Wl,-T,{}", script.display()),
    ];
    let own_lld = find_own_lld()?;
    for linker in [Vec::new(), own_lld] {
        let unpacked = [linker, smaller.clone()].concat();
        let packed = [
            unpacked.as_slice(),
            &["-Wl,-z,pack-relative-relocs".to_owned()],
        ]
        .concat();
        if link_probe(&folder, &packed).is_some_and(|probe| starts(&probe)) {
            return Some(packed);
        }
        if link_probe(&folder, &unpacked).is_some() {
            return Some(unpacked);
        }
    }
    None
}

/// Returns the arguments that make the C compiler link with the lld that comes with Rust.
fn find_own_lld() -> Option<Vec<String>> {
    let answer = Command::new(env::var_os("RUSTC")?)
        .args(["--print", "sysroot"])
        .output()
        .ok()?;
    let root = String::from_utf8(answer.stdout).ok()?;
    let (root, host) = (root.trim(), env::var("HOST").ok()?);
    let folder = format!("-B{root}/lib/rustlib/{host}/bin/gcc-ld");
    Some(vec![folder, "-fuse-ld=lld".to_owned()])
}

/// Links a program of one line as the package is linked. Returns its path, or `None` if the linker rejects an argument.
fn link_probe(folder: &Path, arguments: &[String]) -> Option<PathBuf> {
    let (source, probe) = (folder.join("probe.rs"), folder.join("probe"));
    fs::write(&source, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.args(["--target", &env::var("TARGET").ok()?, "-Cpanic=abort"]);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\u{1f}').filter(|it| !it.is_empty()));
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    rustc.args(arguments.iter().map(|it| format!("-Clink-arg={it}")));
    let answer = rustc.arg("-o").arg(&probe).arg(&source).output().ok()?;
    answer.status.success().then_some(probe)
}

/// Whether a program starts, and ends as it should.
fn starts(program: &Path) -> bool {
    Command::new(program).status().is_ok_and(|it| it.success())
}

/// Returns the commit of a crate from a registry, which does not name its date.
fn read_crate_commit(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    commit.get(..DIGITS).map(str::to_owned)
}

/// Returns the commit of a clone and its day in UTC. A repository around the package is not its own.
fn read_git_commit(root: &Path) -> Option<String> {
    let top = ask_git(root, &["rev-parse", "--show-toplevel"])?;
    if fs::canonicalize(top).ok()? != fs::canonicalize(root).ok()? {
        return None;
    }
    // The log of HEAD grows with every commit, checkout and reset; HEAD itself changes only with the branch.
    for file in ["logs/HEAD", "HEAD"] {
        let file = root.join(ask_git(root, &["rev-parse", "--git-path", file])?);
        if file.is_file() {
            println!("cargo:rerun-if-changed={}", file.display());
            break;
        }
    }
    let format = format!("--abbrev={DIGITS}");
    let date = "--date=format-local:%Y-%m-%d";
    ask_git(root, &["log", "-1", &format, date, "--format=%h %cd"])
}

fn ask_git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.args(["-c", "log.showSignature=false"]).args(arguments);
    let answer = git.current_dir(root).env("TZ", "UTC").output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let line = text.trim();
    (answer.status.success() && !line.is_empty()).then(|| line.to_owned())
}
