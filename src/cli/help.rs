//! The texts that follow the options: in the help, and as sections of the man page.

use crate::exit::Exit;

/// Commands to start with, and what each does.
#[rustfmt::skip]
pub(super) const EXAMPLES: [(&str, &str); 5] = [
    ("backup-check scan --profile dev", "check an account"),
    ("backup-check scan plan.json", "check a Terraform plan"),
    ("backup-check scan --preflight --region eu-west-1", "check before you tag"),
    ("backup-check explain kms-key-shared", "show a rule and its fix"),
    ("backup-check fix --profile dev --rule kms-key-shared", "print the fix"),
];

/// The exit codes and their meaning.
const EXIT_STATUS: [(Exit, &str); 6] = [
    (Exit::Ready, "ready"),
    (Exit::Failed, "a gating check failed"),
    (Exit::Usage, "usage error or nothing to check"),
    (Exit::Unknown, "a gating check is inconclusive"),
    (Exit::Interrupted, "interrupted"),
    (Exit::Terminated, "terminated"),
];

/// The files that the program reads.
#[rustfmt::skip]
const FILES: [(&str, &str); 3] = [
    (
        "backup-check.toml",
        "Settings, severities and waivers: the nearest one in the current directory or its parents, or the file of --config. `backup-check init` writes one.",
    ),
    ("~/.aws/config", "Profiles of the AWS CLI, or the file that AWS_CONFIG_FILE names."),
    ("~/.aws/credentials", "Access keys of profiles, or the file that AWS_SHARED_CREDENTIALS_FILE names."),
];

/// The environment variables that the program reads.
#[rustfmt::skip]
const ENVIRONMENT: [(&str, &str); 9] = [
    ("AWS_PROFILE", "The profile, unless --profile names one."),
    ("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "Credentials, unless --profile names a profile."),
    ("AWS_REGION", "The region of the STS endpoint. --region chooses the regions to scan."),
    ("AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SERVICE", "The endpoint of every service, or of one, unless --endpoint-url is set."),
    ("AWS_MAX_ATTEMPTS, AWS_RETRY_MODE", "Retries of calls, instead of those of a scan."),
    ("NO_COLOR", "If set and not empty, no color is written."),
    ("FORCE_COLOR", "If set, not empty and not 0, color is written to pipes and files too."),
    ("GITHUB_STEP_SUMMARY, GITHUB_OUTPUT", "Where --format github writes the summary and the outputs of a step."),
    ("HTTPS_PROXY, NO_PROXY", "The proxy for calls to AWS, and the hosts that need none."),
];

/// Returns the exit codes and the examples, for the end of the help.
pub(super) fn write_after_help() -> String {
    let codes: Vec<String> = EXIT_STATUS
        .iter()
        .map(|(exit, meaning)| format!("{} {meaning}", exit.code()))
        .collect();
    let widest = EXAMPLES.iter().map(|(command, _)| command.len()).max();
    let width = widest.unwrap_or_default();
    let examples: Vec<String> = EXAMPLES
        .iter()
        .map(|(command, about)| format!("  {command:<width$}  {about}"))
        .collect();
    let (first, second) = codes.split_at(3);
    format!(
        "Exit codes: {},\n{}\n\nExamples:\n{}",
        first.join(", "),
        second.join(", "),
        examples.join("\n")
    )
}

/// Returns the sections of the man page.
pub(super) fn write_man_sections() -> String {
    let codes: Vec<(String, &str)> = EXIT_STATUS
        .iter()
        .map(|(exit, meaning)| (exit.code().to_string(), *meaning))
        .collect();
    let codes: Vec<(&str, &str)> = codes
        .iter()
        .map(|(code, it)| (code.as_str(), *it))
        .collect();
    let sections: [(&str, &[(&str, &str)]); 4] = [
        ("EXAMPLES", &EXAMPLES),
        ("EXIT STATUS", &codes),
        ("FILES", &FILES),
        ("ENVIRONMENT", &ENVIRONMENT),
    ];
    let mut page = String::new();
    for (title, entries) in sections {
        page.push_str(&format!(".SH \"{title}\"\n"));
        for (term, about) in entries {
            page.push_str(&format!(
                ".TP\n\\fB{}\\fR\n{}\n",
                escape_roff(term),
                escape_roff(about)
            ));
        }
    }
    page
}

/// Returns a line of text without characters that roff interprets.
fn escape_roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_ends_with_examples_that_fit_a_terminal() {
        let help = write_after_help();
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        assert_eq!(examples.lines().count(), EXAMPLES.len());
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_line_of_the_man_page_is_no_request() {
        assert_eq!(escape_roff(".TH a-b \\x"), "\\&.TH a\\-b \\ex");
    }
}
