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
    clap_complete::generate(args.shell, &mut command, &name, &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    match args.shell {
        Shell::Bash => script = repair_bash_labels(&script, &name),
        Shell::Fish => script.push_str(&complete_fish_names(&command)),
        _ => {}
    }
    output::print_stdout(&script)?;
    Ok(Exit::Ready)
}

/// Returns a script whose branches have the names that it looks for. A hyphen in the name of the program is escaped
/// in two ways, so that nothing after a command is completed: <https://github.com/clap-rs/clap/issues/6421>.
fn repair_bash_labels(script: &str, name: &str) -> String {
    let label = format!("{}__subcmd__", name.replace('-', "__subcmd__"));
    let wanted = format!("{}__subcmd__", name.replace('-', "__"));
    script.replace(&label, &wanted)
}

/// Returns the lines that complete the values of arguments without an option, which the script has not.
fn complete_fish_names(command: &Command) -> String {
    let function = command.get_name().replace('-', "_");
    let mut lines = String::new();
    for sub in command.get_subcommands() {
        let values = sub
            .get_positionals()
            .flat_map(clap::Arg::get_possible_values);
        for value in values {
            let about = value.get_help().map(ToString::to_string);
            let about = about.unwrap_or_default().replace('\'', "\\'");
            lines.push_str(&format!(
                "complete -c {} -n \"__fish_{function}_using_subcommand {}\" -f -a {} -d '{about}'\n",
                command.get_name(),
                sub.get_name(),
                value.get_name(),
            ));
        }
    }
    lines
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
