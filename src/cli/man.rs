//! `backup-check man` and `backup-check completions`

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::exit::Exit;

use super::output;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints a shell's completions.
pub(super) fn completions(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<Exit> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ready)
}

/// Prints the man page: one page, with a section for each command.
pub(super) fn run(command: Command) -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    render(command, &mut page)?;
    output::print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Ready)
}

fn render(mut command: Command, out: &mut dyn Write) -> io::Result<()> {
    command.build();
    let whole = Man::new(command.clone());
    whole.render_title(out)?;
    whole.render_name_section(out)?;
    whole.render_synopsis_section(out)?;
    whole.render_description_section(out)?;
    whole.render_options_section(out)?;
    for sub in command.get_subcommands() {
        if sub.get_name() == "help" {
            continue;
        }
        let mut section = Vec::new();
        // What holds for every command stands at the head of the page.
        let own = sub.clone().mut_args(|arg| {
            let global = arg.is_global_set();
            arg.hide(global)
        });
        let man = Man::new(own);
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        if sub.get_arguments().next().is_some() {
            man.render_options_section(&mut section)?;
        }
        let name = format!("{} {}", command.get_name(), sub.get_name());
        writeln!(out, ".SH \"{}\"", name.replace('-', "\\-"))?;
        let section = String::from_utf8_lossy(&section);
        for line in section.lines() {
            // Sections of a command are parts of its own.
            writeln!(out, "{}", line.replacen(".SH ", ".SS ", 1))?;
        }
    }
    whole.render_extra_section(out)?;
    whole.render_version_section(out)
}
