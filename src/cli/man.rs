//! `backup-check man` and `backup-check completions`

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::exit::Exit;

use super::{help, output};

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completion script of a shell.
pub(super) fn print_completions(
    args: &CompletionsArgs,
    mut command: Command,
) -> anyhow::Result<Exit> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::print_stdout(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ready)
}

/// Prints the man page: one page with a section per command.
pub(super) fn run(command: Command) -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    write_page(command, &mut page)?;
    output::print_stdout(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Ready)
}

fn write_page(mut command: Command, out: &mut dyn Write) -> io::Result<()> {
    command.build();
    let page = Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    for sub in command.get_subcommands() {
        if sub.get_name() == "help" {
            continue;
        }
        let mut section = Vec::new();
        // Global arguments are described once, at the top of the page.
        let local = sub.clone().mut_args(|arg| {
            let global = arg.is_global_set();
            arg.hide(global)
        });
        let man = Man::new(local);
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        if sub.get_arguments().next().is_some() {
            man.render_options_section(&mut section)?;
        }
        let name = format!("{} {}", command.get_name(), sub.get_name());
        writeln!(out, ".SH \"{}\"", name.replace('-', "\\-"))?;
        let section = String::from_utf8_lossy(&section);
        for line in section.lines() {
            // The sections of a command become its subsections.
            writeln!(out, "{}", line.replacen(".SH ", ".SS ", 1))?;
        }
    }
    out.write_all(help::write_man_sections().as_bytes())?;
    page.render_version_section(out)
}
