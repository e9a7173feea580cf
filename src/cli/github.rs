//! The files of a step of GitHub Actions: its summary, and its outputs.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use anyhow::Context;

use crate::exit::Exit;
use crate::report::{Report, github, markdown};

/// The files that the runner named, open.
#[derive(Debug, Default)]
pub(super) struct Step {
    summary: Option<Appended>,
    outputs: Option<Appended>,
}

/// A file that what came before in the step may have written to.
#[derive(Debug)]
struct Appended {
    variable: &'static str,
    path: PathBuf,
    file: File,
}

impl Step {
    /// The files of the step that runs this, none outside GitHub Actions. They are opened before
    /// anything is read, as a scan takes minutes.
    pub(super) fn find() -> anyhow::Result<Self> {
        if std::env::var_os("GITHUB_ACTIONS").is_none_or(|it| it != "true") {
            return Ok(Step::default());
        }
        Ok(Step {
            summary: Appended::open("GITHUB_STEP_SUMMARY")?,
            outputs: Appended::open("GITHUB_OUTPUT")?,
        })
    }

    /// Appends what came of a scan.
    pub(super) fn write(self, report: &Report, exit: Exit) -> anyhow::Result<()> {
        if let Some(mut summary) = self.summary {
            let held = summary.length()?;
            let room = markdown::LIMIT.saturating_sub(usize::try_from(held).unwrap_or(usize::MAX));
            // A heading needs an empty line before it.
            let gap = if held == 0 { "" } else { "\n\n" };
            let mut text = gap.as_bytes().to_vec();
            markdown::write_within(report, room.saturating_sub(gap.len()), &mut text)?;
            if text.len() > gap.len() {
                summary.append(&text)?;
            }
        }
        if let Some(mut outputs) = self.outputs {
            let mut text = String::new();
            if !outputs.ends_a_line()? {
                text.push('\n');
            }
            text.push_str(&github::outputs(report, exit.code()));
            outputs.append(text.as_bytes())?;
        }
        Ok(())
    }
}

impl Appended {
    fn open(variable: &'static str) -> anyhow::Result<Option<Self>> {
        let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let path = PathBuf::from(path);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .with_context(|| format!("cannot write {}, which {variable} names", path.display()))?;
        Ok(Some(Appended {
            variable,
            path,
            file,
        }))
    }

    fn length(&self) -> anyhow::Result<u64> {
        let held = self.file.metadata().with_context(|| self.failed())?;
        Ok(held.len())
    }

    fn ends_a_line(&mut self) -> anyhow::Result<bool> {
        if self.length()? == 0 {
            return Ok(true);
        }
        let mut last = [0];
        let read = self.file.seek(SeekFrom::End(-1));
        read.and_then(|_| self.file.read_exact(&mut last))
            .with_context(|| self.failed())?;
        Ok(last == *b"\n")
    }

    /// Adds a text whole or not at all.
    fn append(&mut self, text: &[u8]) -> anyhow::Result<()> {
        let before = self.length()?;
        self.file.write_all(text).map_err(|error| {
            // Half an output is none; where this fails too there is nothing more to do.
            let _ = self.file.set_len(before);
            anyhow::Error::new(error).context(self.failed())
        })
    }

    fn failed(&self) -> String {
        format!(
            "cannot write {}, which {} names",
            self.path.display(),
            self.variable
        )
    }
}
