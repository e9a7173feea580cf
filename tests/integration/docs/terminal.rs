//! The picture of the README: a run of the program, drawn as SVG.

use super::commands::shell;

/// What the picture shows: one volume of the sample account.
const COMMAND: &str = "backup-check scan --from fixtures/accounts/mixed.json --resource arn:aws:ec2:eu-central-1:111122223333:volume/vol-005c961941f2c8848";

/// The most lines that are drawn.
const LINES: usize = 40;

/// The size of a character cell and of the margin, in pixels.
const CELL_WIDTH: f64 = 8.4;
const LINE_HEIGHT: usize = 19;
const MARGIN: usize = 18;
const COLUMNS: usize = 82;

/// How text looks: what SGR codes set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    bold: bool,
    dim: bool,
    color: Option<u8>,
}

impl Look {
    /// Applies the parameters of one SGR sequence.
    fn apply(mut self, parameters: &str) -> Self {
        for parameter in parameters.split(';') {
            match parameter.parse::<u8>().unwrap_or(0) {
                0 => self = Look::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                22 => (self.bold, self.dim) = (false, false),
                code @ (30..=37 | 90..=97) => self.color = Some(code),
                39 => self.color = None,
                code => panic!("the picture has no look for SGR {code}"),
            }
        }
        self
    }

    /// The attributes of a `tspan`. The colors have a contrast of at least 4.5 on the background.
    fn attributes(self) -> String {
        let fill = match (self.color, self.dim) {
            (Some(31 | 91), _) => "#ff7b72",
            (Some(32 | 92), _) => "#56d364",
            (Some(33 | 93), _) => "#e3b341",
            (Some(34 | 94), _) => "#79c0ff",
            (Some(35 | 95), _) => "#d2a8ff",
            (Some(36 | 96), _) => "#76e3ea",
            (Some(90), _) | (None, true) => "#9198a1",
            (Some(_), _) | (None, false) => "#e6edf3",
        };
        let weight = if self.bold {
            r#" font-weight="bold""#
        } else {
            ""
        };
        format!(r#"fill="{fill}"{weight}"#)
    }
}

/// A line as runs of text that look the same.
fn runs(line: &str, mut look: Look) -> (Vec<(Look, String)>, Look) {
    let mut runs: Vec<(Look, String)> = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (text, after) = rest.split_once('\x1b').unwrap_or((rest, ""));
        if !text.is_empty() {
            runs.push((look, text.to_owned()));
        }
        let Some(sequence) = after.strip_prefix('[') else {
            // A hyperlink has no look: ESC ] 8 ;; address ESC \, around its text.
            rest = after.strip_prefix(']').map_or("", |link| {
                link.split_once("\x1b\\").map_or("", |(_, rest)| rest)
            });
            continue;
        };
        let (parameters, after) = sequence.split_once('m').unwrap_or((sequence, ""));
        look = look.apply(parameters);
        rest = after;
    }
    (runs, look)
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Draws lines with SGR codes as a terminal would show them.
fn draw(title: &str, lines: &[&str]) -> String {
    let width = 2 * MARGIN + (COLUMNS as f64 * CELL_WIDTH) as usize;
    let height = 2 * MARGIN + (lines.len() + 1) * LINE_HEIGHT;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
"##,
        escape_xml(title)
    );
    let mut look = Look::default();
    for (at, line) in lines.iter().enumerate() {
        let (runs, after) = runs(line, look);
        look = after;
        let y = MARGIN + (at + 1) * LINE_HEIGHT;
        let mut column = 0;
        for (look, text) in runs {
            let shown = text.trim_start();
            let start = column + text.chars().count() - shown.chars().count();
            column += text.chars().count();
            if shown.trim_end().is_empty() {
                continue;
            }
            // Each run at its column, and as wide as its cells: fonts differ.
            let x = MARGIN as f64 + start as f64 * CELL_WIDTH;
            let length = shown.trim_end().chars().count() as f64 * CELL_WIDTH;
            svg.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\" {}>{}</text>\n",
                look.attributes(),
                // SVG would collapse spaces in a row.
                escape_xml(shown.trim_end()).replace(' ', "\u{a0}")
            ));
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// The picture of the README.
pub fn picture() -> String {
    let run = shell(&format!("{COMMAND} --color always"));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let prompt = "\x1b[32m$\x1b[0m backup-check scan --resource \x1b[2marn:aws:ec2:…:volume/\x1b[0mvol-005c961941f2c8848";
    let lines: Vec<&str> = [prompt, ""].into_iter().chain(run.stdout.lines()).collect();
    let mut shown = lines;
    if shown.len() > LINES {
        // After a paragraph, not within one.
        shown.truncate(LINES);
        let last = shown.iter().rposition(|line| line.is_empty());
        shown.truncate(last.map_or(LINES, |at| at + 1));
        shown.push("\x1b[2m…\x1b[0m");
    }
    draw(
        "A volume whose key is not shared: backup-check says why its copy fails, and the fix",
        &shown,
    )
}

#[test]
fn looks_are_read_off_sgr_codes() {
    let (runs, after) = runs("\x1b[1m\x1b[31mfail\x1b[0m a <b>", Look::default());
    let red = Look {
        bold: true,
        dim: false,
        color: Some(31),
    };
    assert_eq!(
        runs,
        [
            (red, "fail".to_owned()),
            (Look::default(), " a <b>".to_owned())
        ]
    );
    assert_eq!(after, Look::default());
    let svg = draw("t", &["\x1b[1m\x1b[31mfail\x1b[0m a <b>"]);
    assert!(
        svg.contains(r##"fill="#ff7b72" font-weight="bold">fail</text>"##),
        "{svg}"
    );
    assert!(svg.contains(">a\u{a0}&lt;b&gt;</text>"), "{svg}");
}
