//! The HTML report, as text and in a browser.

use std::collections::BTreeSet;

use backup_check::evaluate::Options;
use backup_check::exit::FailOn;
use backup_check::model::place::Place;
use backup_check::report::format::{Format, Rendering};
use backup_check::report::table::Style;
use backup_check::report::{
    Baseline, Comparison, EarlierFinding, Report, ResourceVerdict, StaleState, StaleWaiver, Status,
    Waiver, html,
};
use serde_json::{Value, json};

use super::{HOSTILE, hostile, render, report, snapshot};
use crate::browser::Browser;

/// A script that returns the accessibility flaws of the page: for people who cannot see it or use no mouse.
const FLAWS: &str = r##"(() => {
  const flaws = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  if (document.documentElement.lang !== "en") flaws.push("no language");
  if (!document.title.trim()) flaws.push("no title");
  if (all("h1").length !== 1 || all("main").length !== 1) flaws.push("one h1, one main");
  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) flaws.push("heading jumps: " + heading.textContent);
    if (!heading.textContent.trim()) flaws.push("an empty heading");
    level = next;
  }
  const ids = new Set();
  for (const el of all("[id]")) {
    if (ids.has(el.id)) flaws.push("id twice: " + el.id);
    ids.add(el.id);
  }
  for (const el of all("[aria-labelledby]"))
    for (const id of el.getAttribute("aria-labelledby").split(" "))
      if (!ids.has(id)) flaws.push("no label with id: " + id);
  for (const link of all('a[href^="#"]')) {
    const to = link.getAttribute("href").slice(1);
    if (to && !to.includes("=") && !ids.has(to)) flaws.push("a link without target: " + to);
    if (!link.textContent.trim() && !link.querySelector("title")) flaws.push("a link without text");
  }
  for (const link of all('a:not([href^="#"])'))
    if (!link.href.startsWith("https://docs.aws.amazon.com/") && !link.href.includes("/docs/src/rules.md#") && !link.href.startsWith("https://registry.terraform.io/")) flaws.push("a link to " + link.href);
  for (const head of all("th")) if (!head.scope) flaws.push("a table heading without scope: " + head.textContent);
  for (const table of all("table"))
    if (!table.caption && !table.closest("[role=region][aria-label], [role=region][aria-labelledby]")) flaws.push("a table without a name");
  for (const svg of all("svg"))
    if (svg.getAttribute("aria-hidden") !== "true" && !svg.closest("[aria-hidden=true]") && !(svg.getAttribute("role") === "img" && svg.querySelector("title")?.textContent)) flaws.push("a picture without text");
  for (const field of all("input, select")) if (!field.labels.length || !field.labels[0].textContent.trim()) flaws.push("a field without a label: " + field.name);
  for (const button of all("button")) if (!button.textContent.trim()) flaws.push("a button without text");
  for (const el of all(".scroll")) if (el.tabIndex !== 0) flaws.push("a scroll area without tabindex");
  return flaws;
})()"##;

/// A script that returns texts whose contrast with the background is below 4.5, the minimum of WCAG 2.2.
const FAINT: &str = r#"(() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (el) => {
    for (; el; el = el.parentElement) {
      const color = parse(getComputedStyle(el).backgroundColor);
      if (color.a === 1) return color;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const faint = new Set();
  const closed = [...document.querySelectorAll("details:not([open])")];
  for (const el of closed) el.open = true;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const el = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || el.closest("svg, script, style") || !el.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(el).color)), light(behind(el))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.add(`${el.tagName}.${el.className} ${contrast.toFixed(2)}: ${texts.currentNode.data.trim().slice(0, 40)}`);
  }
  for (const el of closed) el.open = false;
  return [...faint];
})()"#;

/// A script that returns the visible ARNs and causes, and the text that announces the matches.
const SHOWN: &str = r#"({
  arns: [...document.querySelectorAll("tr[id]")].filter((row) => !row.closest("[hidden]")).map((row) => row.querySelector(".arn").textContent),
  causes: [...document.querySelectorAll("article.card")].filter((card) => !card.closest("[hidden]")).map((card) => card.dataset.rules + " " + card.dataset.status),
  announced: document.getElementById("matches").textContent,
})"#;

/// Returns a report with content in each section, under hostile names.
fn full() -> Report {
    let mut report = report(hostile(), &Options::default());
    let waiver = |n: usize| Waiver {
        reason: HOSTILE[n % HOSTILE.len()].to_owned(),
        owner: HOSTILE[(n + 1) % HOSTILE.len()].to_owned(),
        expires: "2026-06-30".to_owned(),
    };
    let mut troubles = 0;
    for finding in &mut report.findings {
        if finding.status.is_trouble() {
            troubles += 1;
            finding.place = Some(Box::new(Place {
                file: HOSTILE[0].to_owned(),
                line: Some(12),
                column: Some(3),
                address: None,
                condition: None,
                loop_body: None,
                own_condition: None,
            }));
            if troubles % 9 == 0 {
                finding.waiver = Some(Box::new(waiver(troubles)));
                finding.gating = false;
            } else {
                finding.baseline = Some(match troubles % 4 {
                    0 => Baseline::New,
                    _ => Baseline::Unchanged,
                });
            }
        }
    }
    for (state, n) in [(StaleState::Expired, 0), (StaleState::Unused, 6)] {
        report.stale_waivers.push(StaleWaiver {
            state,
            rule: "kms-key-shared".to_owned(),
            resource: HOSTILE[n].to_owned(),
            reason: HOSTILE[6].to_owned(),
            owner: HOSTILE[0].to_owned(),
            expires: "2026-01-31".to_owned(),
            line: 7,
            findings: 2,
        });
    }
    let earlier = |resource: &str| EarlierFinding {
        id: "0123456789abcdef".to_owned(),
        rule: "s3-versioning-enabled".to_owned(),
        resource: resource.to_owned(),
        status: Status::Fail,
    };
    report.comparison = Some(Comparison {
        new: 3,
        unchanged: 4,
        fixed: vec![earlier(HOSTILE[0])],
        not_judged: vec![earlier(HOSTILE[6])],
    });
    report
}

fn with_skipped(report: &Report) -> String {
    let how = Rendering {
        style: Style {
            show_skipped: true,
            ..Style::plain(100)
        },
        anchor: "".to_owned(),
        gate: FailOn::Fail,
        statuses: Vec::new(),
    };
    let mut out = Vec::new();
    let format = Format::with_name("html").unwrap();
    format.write_report(report, &how, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Returns how often a text contains another.
fn times(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn the_answer_comes_first() {
    let passes = render("html", &report(snapshot("clean"), &Options::default()));
    assert!(
        passes.contains("<title>The gate passes · Account 444455556666 · backup-check</title>")
    );
    assert!(!passes.contains("INCOMPLETE"));
    let blind = render("html", &report(snapshot("no-access"), &Options::default()));
    assert!(blind.contains("<title>The gate is inconclusive · "));
    assert!(blind.contains("INCOMPLETE"));
    let fails = report(snapshot("mixed"), &Options::default());
    let page = render("html", &fails);
    assert!(page.contains("<title>The gate fails · "));
    let banner = page.find("INCOMPLETE").expect("a banner");
    assert!(banner < page.find("The gate fails</h2>").unwrap());
    let mut stopped = report(snapshot("clean"), &Options::default());
    (stopped.interrupted, stopped.complete) = (true, false);
    assert!(render("html", &stopped).contains("The scan was interrupted"));
}

#[test]
fn the_answer_depends_on_the_gate() {
    let evaluated = |name: &str| report(snapshot(name), &Options::default());
    let answer = |report: &Report, gate: FailOn| {
        let mut out = Vec::new();
        html::write(report, false, gate, &mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        let head = page.find("<h2 id=\"answer\">").unwrap();
        page[head..head + 400].to_owned()
    };
    let mut warns = evaluated("clean");
    let finding = warns.findings.iter_mut().find(|it| it.gating).unwrap();
    finding.status = Status::Warn;
    let mut known = evaluated("clean");
    let finding = known.findings.iter_mut().find(|it| it.gating).unwrap();
    (finding.status, finding.baseline) = (Status::Fail, Some(Baseline::Unchanged));
    for (report, gate, parts) in [
        (&warns, FailOn::Fail, ["The gate passes", "exit code 0."]),
        (&warns, FailOn::Warn, ["The gate fails", "exit code 1."]),
        (&known, FailOn::Fail, ["The gate fails", "exit code 1."]),
        (&known, FailOn::New, ["The gate passes", "exit code 0."]),
        (
            &known,
            FailOn::Never,
            ["The gate fails", "exit code 1, but 0 with --fail-on never."],
        ),
        (
            &evaluated("no-access"),
            FailOn::New,
            ["The gate is inconclusive", "exit code 3."],
        ),
    ] {
        let answer = answer(report, gate);
        for part in parts {
            assert!(answer.contains(part), "{gate:?}: {part} not in {answer}");
        }
    }
}

#[test]
fn skipped_findings_are_shown_on_request() {
    let report = report(snapshot("clean"), &Options::default());
    assert!(!render("html", &report).contains("id=\"skipped\""));
    assert!(with_skipped(&report).contains("id=\"skipped\""));
}

/// 1,200 volumes under one key that is not shared.
#[test]
fn a_cause_is_shown_once_and_omissions_are_counted() {
    let (region, account) = ("eu-central-1", "444455556666");
    let key = format!("arn:aws:kms:{region}:{account}:key/00000000-0000-4000-8000-000000000000");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "kms:*", "Resource": "*"}]});
    let mut snapshot = snapshot("clean");
    snapshot["keys"][&key] = json!({
        "metadata": {"known": {"manager": "CUSTOMER", "state": "Enabled", "spec": "SYMMETRIC_DEFAULT", "usage": "ENCRYPT_DECRYPT", "origin": "AWS_KMS", "multi_region": false}},
        "policy": {"known": policy.to_string()},
    });
    let volumes: Vec<Value> = (0..1_200)
        .map(|n| {
            let id = format!("vol-{n:017x}");
            json!({
                "arn": format!("arn:aws:ec2:{region}:{account}:volume/{id}"), "id": id,
                "tags": {"known": {"backup": "enabled"}}, "state": {"known": "available"}, "encrypted": {"known": true},
                "kms_key": {"known": key}, "attached_to": {"known": []},
            })
        })
        .collect();
    snapshot["regions"][region]["volumes"] = json!({"items": volumes});
    let page = render("html", &report(snapshot, &Options::default()));
    let cards: Vec<&str> = page
        .split("<article")
        .filter(|card| card.contains("data-rules=\"kms-key-shared\""))
        .collect();
    assert_eq!(cards.len(), 1);
    assert_eq!(times(cards[0], "aws kms get-key-policy"), 1);
    assert_eq!(times(cards[0], "<li data-r="), 1_000);
    assert!(cards[0].contains("and 200 more, in the JSON report."));
    assert_eq!(times(&page, "<tr id=\"r"), 1_200 + rows_without_volumes());
}

/// Returns the number of resources in the clean account that are not volumes.
fn rows_without_volumes() -> usize {
    let mut snapshot = snapshot("clean");
    snapshot["regions"]["eu-central-1"]["volumes"] = json!({"items": []});
    report(snapshot, &Options::default()).resources.len()
}

#[test]
fn a_browser_shows_and_filters_the_page_and_runs_nothing_else() {
    let report = full();
    let page = with_skipped(&report);
    let mut browser = Browser::start();
    let url = browser.open(&page);

    // The security policy allows the page's own script and style, and nothing was loaded.
    assert_eq!(
        browser.value("document.documentElement.dataset.script"),
        "on"
    );
    assert_eq!(
        browser.value("getComputedStyle(document.body).margin"),
        "0px"
    );
    assert_eq!(browser.complaints(), [&json!(null); 0]);
    assert_eq!(browser.requests(), [url.as_str()]);

    // Names are only text.
    let elements = "document.scripts.length + document.querySelectorAll('img, iframe, object, embed, link, base, audio, video, [onerror], [onload], [onclick], [style]').length";
    assert_eq!(browser.value(elements), 1);
    let text = browser.value("document.body.textContent");
    let text = text.as_str().unwrap();
    for name in [
        "</script><script>alert(1)</script>",
        "</script><script>alert(1)</script>:12:3",
        "<img src=x onerror=alert(1)> & \"quoted\" 'single' ]]>",
        "\\u{202e}emoji",
        "\\u{1b}[31mred\\u{7}\\u{0}nul",
        "two\\nlines\\r\\nand ::warning file=x::more",
    ] {
        assert!(text.contains(name), "{name}");
    }

    check_accessibility(&mut browser);
    check_filter(&mut browser, &report);
    check_keyboard(&mut browser);
    check_media(&mut browser);
    assert_eq!(browser.complaints(), [&json!(null); 0]);
    assert_eq!(browser.requests(), [url.as_str()]);

    check_without_script(&mut browser, &page);
    check_security_policy(&mut browser, &page);
}

fn check_accessibility(browser: &mut Browser) {
    assert_eq!(browser.value(FLAWS), json!([]));
    for scheme in ["light", "dark"] {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        browser.call("Emulation.setEmulatedMedia", features);
        assert_eq!(browser.value(FAINT), json!([]), "{scheme}");
    }
    browser.call("Emulation.setEmulatedMedia", json!({"features": []}));
}

/// Follows a link to a fragment, and returns what is shown then.
fn go_to(browser: &mut Browser, fragment: &str) -> Value {
    browser.value(&format!(
        "new Promise((done) => {{ addEventListener('hashchange', () => setTimeout(done), {{ once: true }}); location.hash = {}; }})",
        json!(fragment)
    ));
    browser.value(SHOWN)
}

fn arns(shown: &Value) -> BTreeSet<String> {
    let arns = shown["arns"].as_array().unwrap().iter();
    arns.map(|arn| arn.as_str().unwrap().to_owned()).collect()
}

fn check_filter(browser: &mut Browser, report: &Report) {
    let all = browser.value(SHOWN);
    assert_eq!(arns(&all).len(), report.resources.len());
    assert_eq!(all["announced"], "");

    let shown = go_to(browser, "status=fail&region=eu-west-3&service=ebs");
    let expected: BTreeSet<String> = report
        .resources
        .iter()
        .filter(|it| {
            it.verdict == ResourceVerdict::NotReady
                && it.region == "eu-west-3"
                && it.kind.as_str() == "ebs-volume"
        })
        .map(|it| it.arn.clone())
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(arns(&shown), expected);
    let announced = shown["announced"].as_str().unwrap();
    let end = format!(
        "and {} of {} resources match.",
        expected.len(),
        report.resources.len()
    );
    assert!(announced.ends_with(&end), "{announced}");
    for cause in shown["causes"].as_array().unwrap() {
        assert!(cause.as_str().unwrap().ends_with(" fail"), "{cause}");
    }

    let shown = go_to(browser, "rule=s3-versioning-enabled&gating=1");
    let causes = shown["causes"].as_array().unwrap();
    assert!(!causes.is_empty());
    for cause in causes {
        assert!(
            cause.as_str().unwrap().contains("s3-versioning-enabled "),
            "{cause}"
        );
    }

    // Every word must match, in any order and case, including special characters.
    let shown = go_to(browser, "q=QUOTED%20onerror");
    assert!(!arns(&shown).is_empty());
    assert!(arns(&shown).len() < report.resources.len());
    let shown = go_to(browser, "q=no-such-thing-anywhere");
    assert_eq!(
        arns(&shown).len() + shown["causes"].as_array().unwrap().len(),
        0
    );
    assert_eq!(
        browser.value("[...document.querySelectorAll('.nothing')].every((it) => !it.hidden)"),
        true
    );
    // Unknown and invalid values are ignored.
    let shown = go_to(browser, "status=%22%3E%3Cscript%3E&what=ever");
    assert_eq!(arns(&shown).len(), report.resources.len());

    // A link to something that the filter hides shows it.
    go_to(browser, "q=no-such-thing-anywhere");
    let first = browser.value("document.querySelector('article.card').id");
    go_to(browser, first.as_str().unwrap());
    assert_eq!(
        browser.value("document.querySelector('article.card').checkVisibility()"),
        true
    );
}

fn check_keyboard(browser: &mut Browser) {
    browser.value("location.hash = ''; document.activeElement.blur(); getSelection().removeAllRanges(); document.body.tabIndex = -1; document.body.focus()");
    browser.press("Tab", 9);
    assert_eq!(browser.value("document.activeElement.className"), "skip");
    assert_eq!(
        browser.value("getComputedStyle(document.activeElement).outlineStyle"),
        "solid"
    );
    browser.press("Enter", 13);
    assert_eq!(browser.value("document.activeElement.id"), "main");

    // Typed text is found, announced and added to the address.
    browser.value("document.querySelector('[name=q]').focus()");
    browser.call("Input.insertText", json!({"text": "emoji"}));
    let announced = "new Promise((done) => { const it = document.getElementById('matches'); const look = () => it.textContent ? done(it.textContent) : setTimeout(look, 20); look(); })";
    let announced = browser.value(announced);
    assert!(announced.as_str().unwrap().contains("resources match."));
    assert_eq!(
        browser.value("document.getElementById('matches').ariaLive"),
        "polite"
    );
    assert_eq!(browser.value("location.hash"), "#q=emoji");
    let cleared = "new Promise((done) => { document.querySelector('[type=reset]').click(); const look = () => location.hash ? setTimeout(look, 20) : done(document.getElementById('matches').textContent); look(); })";
    assert_eq!(browser.value(cleared), "");
}

fn check_media(browser: &mut Browser) {
    // On a phone nothing is wider than the screen but scroll areas.
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        json!({"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": true}),
    );
    assert_eq!(browser.value("document.documentElement.scrollWidth"), 360);
    browser.call("Emulation.clearDeviceMetricsOverride", json!({}));

    // On paper the summary, the worst resources and the first causes are visible, and controls are hidden.
    browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let visible = "['.gate', '.matrix', '.worst tbody tr:nth-child(12)', 'article.card', '.paper'].filter((it) => !document.querySelector(it).checkVisibility())";
    assert_eq!(browser.value(visible), json!([]));
    let controls = "[...document.querySelectorAll('button, input, select')].filter((it) => it.checkVisibility()).length";
    assert_eq!(browser.value(controls), 0);
    browser.call("Emulation.setEmulatedMedia", json!({"media": ""}));
}

fn check_without_script(browser: &mut Browser, page: &str) {
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    browser.open(page);
    assert_eq!(
        browser.value("document.documentElement.dataset.script === undefined"),
        true
    );
    let visible = "[...document.querySelectorAll('article.card, details.kind > summary, details.docs > summary')].every((it) => it.closest('.others') || it.checkVisibility())";
    assert_eq!(browser.value(visible), true);
    assert_eq!(
        browser.value("document.querySelector('.filter').checkVisibility()"),
        false
    );
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": false}),
    );
}

/// The security policy holds even if a name gets into the page unescaped.
fn check_security_policy(browser: &mut Browser, page: &str) {
    let broken = page.replacen(
        "<main",
        "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\"><style>main { display: none }</style><base href=\"https://example.com/\"><main",
        1,
    );
    browser.open(&broken);
    assert_ne!(browser.value("document.title"), "owned");
    assert_eq!(
        browser.value("getComputedStyle(document.querySelector('main')).display"),
        "block"
    );
    assert!(
        browser
            .value("document.baseURI")
            .as_str()
            .unwrap()
            .starts_with("file:")
    );
    assert_eq!(
        browser.value("fetch('https://example.com/').then(() => 'sent', () => 'refused')"),
        "refused"
    );
    assert!(browser.complaints().len() >= 4);
}
