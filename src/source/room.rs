//! How much a file may hold: a process that needs more memory than there is, is killed without a word.

use std::fs;
use std::io::{self, Read};

use thiserror::Error;

/// The most that a file may hold, in bytes. A snapshot of 500,000 resources is smaller: such a file is damaged, or meant to exhaust
/// memory.
const MAX_BYTES: u64 = 1 << 30;

/// The bytes of memory that an evaluation needs for a byte of a snapshot, at most.
///
/// Measured with a snapshot of 100,000 volumes on 2026-11-29: 6.5 in the format that needs the most.
const MEMORY_PER_BYTE: u64 = 8;

/// A file holds more than there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("larger than {}{}", describe_size(*limit), describe_reason(*limit))]
pub struct TooLarge {
    /// The most that a file may hold, in bytes.
    pub limit: u64,
}

fn describe_reason(limit: u64) -> &'static str {
    match limit {
        MAX_BYTES => "",
        _ => ", which needs more than the free memory of this machine",
    }
}

/// Returns the most that a file may hold, in bytes.
#[must_use]
pub fn find_limit() -> u64 {
    let free = [read_free_memory(), read_free_of_group()];
    limit_for(free.into_iter().flatten().min())
}

fn limit_for(free: Option<u64>) -> u64 {
    free.map_or(MAX_BYTES, |free| (free / MEMORY_PER_BYTE).min(MAX_BYTES))
}

/// Reads everything, if it is not more than a limit.
///
/// # Errors
/// Reading failed, or there is more: the source of the error is then [`TooLarge`].
pub fn read_within(limit: u64, input: impl Read, content: &mut Vec<u8>) -> io::Result<()> {
    let room = limit.saturating_sub(content.len() as u64);
    input.take(room.saturating_add(1)).read_to_end(content)?;
    match content.len() as u64 > limit {
        true => Err(io::Error::other(TooLarge { limit })),
        false => Ok(()),
    }
}

/// Returns the memory that Linux can hand out without swapping.
///
/// Source: <https://www.kernel.org/doc/html/latest/filesystems/proc.html#meminfo>.
fn read_free_memory() -> Option<u64> {
    parse_memory("MemAvailable:", &read_text("/proc/meminfo")?)
}

fn read_text(path: &str) -> Option<String> {
    String::from_utf8(fs::read(path).ok()?).ok()
}

fn parse_memory(name: &str, text: &str) -> Option<u64> {
    let line = text.lines().find_map(|it| it.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// Returns the memory that is left to the container, if it has a limit.
///
/// Source: <https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files>.
fn read_free_of_group() -> Option<u64> {
    let read = |name: &str| {
        let text = read_text(&format!("/sys/fs/cgroup/{name}"))?;
        text.trim().parse::<u64>().ok()
    };
    let used = read("memory.current").unwrap_or_default();
    Some(read("memory.max")?.saturating_sub(used))
}

/// Returns the most memory that this process has had, where the system counts it.
///
/// Source: <https://www.kernel.org/doc/html/latest/filesystems/proc.html>, table 1-2.
#[must_use]
pub fn read_peak_memory() -> Option<u64> {
    parse_memory("VmHWM:", &read_text("/proc/self/status")?)
}

/// Returns a number of bytes as people write it: `1.5 GiB`.
#[must_use]
pub fn describe_size(bytes: u64) -> String {
    match bytes >> 20 {
        mib @ ..1024 => format!("{mib} MiB"),
        mib => format!("{}.{} GiB", mib >> 10, ((mib & 1023) * 10) >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_hold_an_eighth_of_the_free_memory() {
        assert_eq!(limit_for(None), 1 << 30);
        assert_eq!(limit_for(Some(1 << 40)), 1 << 30);
        assert_eq!(limit_for(Some(2 << 30)), 256 << 20);
        let text = "MemTotal:       24607056 kB\nMemAvailable:   23000000 kB\n";
        assert_eq!(parse_memory("MemAvailable:", text), Some(23_000_000 << 10));
        assert_eq!(parse_memory("VmHWM:", text), None);
    }

    #[test]
    fn what_is_larger_names_the_limit() {
        let mut content = Vec::new();
        read_within(4, &b"1234"[..], &mut content).unwrap();
        assert_eq!(content, b"1234");
        let error = read_within(4, &b"5"[..], &mut content).unwrap_err();
        assert!(
            error.to_string().contains("larger than 0 MiB, which"),
            "{error}"
        );
        assert_eq!(describe_size(256 << 20), "256 MiB");
        assert_eq!(describe_size((1 << 30) + (512 << 20)), "1.5 GiB");
    }
}
