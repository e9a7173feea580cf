//! The summary and output files of a GitHub Actions step.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use anyhow::Context;

use crate::exit::Exit;
use crate::report::format::GITHUB;
use crate::report::{Report, github, markdown};

use super::output::{self, Target};

/// The files of a step, open for appending.
#[derive(Debug, Default)]
pub(super) struct Step {
    summary: Option<AppendedFile>,
    outputs: Option<AppendedFile>,
}

/// A file that earlier commands of the step may have written to.
#[derive(Debug)]
struct AppendedFile {
    variable: &'static str,
    path: PathBuf,
    file: File,
}

impl Step {
    /// Opens the files of the current step: none outside GitHub Actions, or without a target of its format.
    ///
    /// # Errors
    /// A file cannot be opened. This fails before a scan of several minutes, not after it.
    pub(super) fn open_files(targets: &[Target]) -> anyhow::Result<Self> {
        let is_outside = std::env::var_os("GITHUB_ACTIONS").is_none_or(|it| it != "true");
        if is_outside || !output::has_format(targets, GITHUB) {
            return Ok(Step::default());
        }
        Ok(Step {
            summary: AppendedFile::open_variable("GITHUB_STEP_SUMMARY")?,
            outputs: AppendedFile::open_variable("GITHUB_OUTPUT")?,
        })
    }

    /// Appends the summary and the outputs of a scan.
    pub(super) fn write_report(self, report: &Report, exit: Exit) -> anyhow::Result<()> {
        if let Some(mut summary) = self.summary {
            let held = summary.byte_length()?;
            let room = markdown::LIMIT.saturating_sub(usize::try_from(held).unwrap_or(usize::MAX));
            // A Markdown heading needs an empty line before it.
            let gap = if held == 0 { "" } else { "\n\n" };
            let mut text = gap.as_bytes().to_vec();
            markdown::write_within(report, room.saturating_sub(gap.len()), &mut text)?;
            if text.len() > gap.len() {
                summary.append_text(&text)?;
            }
        }
        if let Some(mut outputs) = self.outputs {
            let mut text = String::new();
            if !outputs.ends_a_line()? {
                text.push('\n');
            }
            text.push_str(&github::outputs(report, exit.code()));
            outputs.append_text(text.as_bytes())?;
        }
        Ok(())
    }
}

impl AppendedFile {
    /// Opens the file that an environment variable names, if it is set.
    fn open_variable(variable: &'static str) -> anyhow::Result<Option<Self>> {
        let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let path = PathBuf::from(path);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .with_context(|| format!("failed to open {} ({variable})", path.display()))?;
        Ok(Some(AppendedFile {
            variable,
            path,
            file,
        }))
    }

    fn byte_length(&self) -> anyhow::Result<u64> {
        let held = self.file.metadata().with_context(|| self.error_context())?;
        Ok(held.len())
    }

    fn ends_a_line(&mut self) -> anyhow::Result<bool> {
        if self.byte_length()? == 0 {
            return Ok(true);
        }
        let mut last = [0];
        let read = self.file.seek(SeekFrom::End(-1));
        read.and_then(|_| self.file.read_exact(&mut last))
            .with_context(|| self.error_context())?;
        Ok(last == *b"\n")
    }

    /// Appends a text completely or not at all.
    fn append_text(&mut self, text: &[u8]) -> anyhow::Result<()> {
        let before = self.byte_length()?;
        self.file.write_all(text).map_err(|error| {
            // A partial output is invalid. If this fails too, nothing else can be done.
            let _ = self.file.set_len(before);
            anyhow::Error::new(error).context(self.error_context())
        })
    }

    fn error_context(&self) -> String {
        format!(
            "failed to write {} ({})",
            self.path.display(),
            self.variable
        )
    }
}
