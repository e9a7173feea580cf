//! The layout of the HTML report: its numbers, the order of its sections, and its size.

use std::fs;

use backup_check::evaluate::Options;
use serde_json::json;

use super::{render, report, snapshot};
use crate::browser::{Browser, decode_base64};
use crate::support::command::repository;

/// Returns how often a text contains another.
fn times(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// Returns the numbers in a text: `1,200 resources` is 1200.
fn numbers(text: &str) -> Vec<usize> {
    let text = text.replace(',', "");
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Returns the text between two others.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

#[test]
fn every_number_of_resources_is_a_part_of_one_total() {
    for name in ["clean", "mixed", "no-access"] {
        let report = report(snapshot(name), &Options::default());
        let page = render("html", &report);
        let total = report.resources.len();
        let title = between(&page, "<h2 id=\"verdicts\">", "</h2>");
        assert_eq!(numbers(title), [total], "{name}");
        let bridge = numbers(between(&page, "<p class=\"bridge\">", "</p>"));
        // One part is not a sum.
        if bridge.len() > 1 {
            assert_eq!(bridge.iter().sum::<usize>(), total, "{name}: {bridge:?}");
        }
        let tiles: usize = ["fail", "unknown", "warn", "pass", "exempt"]
            .iter()
            .map(|tone| {
                let start = format!("<a href=\"#status={tone}\"><b class=\"count\">");
                numbers(between(&page, &start, "</b>"))[0]
            })
            .sum();
        assert_eq!(tiles, total, "{name}");
        let foot = between(&page, "<tfoot>", "</tfoot>");
        let all = foot.rsplit("in all regions: ").next().unwrap();
        assert_eq!(numbers(all)[0], total, "{name}");
        assert_eq!(times(&page, "<tr id=\"r"), total, "{name}");
        let heading = between(&page, "<h2 id=\"resources\">", "</h2>");
        assert_eq!(numbers(heading), [total], "{name}");
    }
}

#[test]
fn a_service_has_the_same_name_and_number_as_in_the_table() {
    let report = report(snapshot("mixed"), &Options::default());
    let (page, table) = (render("html", &report), render("table", &report));
    let matrix = between(&page, "<table class=\"matrix\"", "<tfoot>");
    // Secrets and parameters are other resources, vaults a setting of AWS Backup.
    for (service, number) in [("other", 3), ("backup", 4), ("vpc", 13), ("region", 5)] {
        let row = table
            .lines()
            .find(|it| it.starts_with(&format!("{service} ")));
        let total = row.map(|it| numbers(it)[0]);
        assert_eq!(total, Some(number), "{table}");
        let row = matrix
            .split("<tr>")
            .find(|it| it.contains(&format!(">{service}<")));
        let all = row.and_then(|it| it.rsplit("in all regions: ").next());
        assert_eq!(
            all.map(|it| numbers(it)[0]),
            Some(number),
            "{service}: {row:?}"
        );
    }
}

#[test]
fn no_fix_has_a_placeholder() {
    // Buckets without versioning and tables without advanced features each need a command of their own.
    let report = report(snapshot("mixed"), &Options::default());
    for format in [
        "table", "markdown", "github", "html", "csv", "sarif", "junit",
    ] {
        let text = render(format, &report);
        for placeholder in ["id", "arn", "region"] {
            for (start, end) in [("<", ">"), ("&lt;", "&gt;"), ("&#60;", "&#62;")] {
                let placeholder = format!("{start}{placeholder}{end}");
                assert!(!text.contains(&placeholder), "{placeholder} in {format}");
            }
        }
    }
    let page = render("markdown", &report);
    assert!(page.contains(
        "Run `backup-check fix s3-versioning-enabled`, which prints one change for each resource."
    ));
}

#[test]
fn the_resources_come_before_the_causes_with_the_rules_that_do_not_pass() {
    let page = render("html", &report(snapshot("mixed"), &Options::default()));
    let at = |id: &str| page.find(&format!("<h2 id=\"{id}\">")).unwrap();
    assert!(at("verdicts") < at("matrix") && at("matrix") < at("resources"));
    assert!(at("resources") < at("causes") && at("causes") < at("rules"));
    let worst = between(&page, "<div class=\"worst\">", "</table>");
    assert_eq!(times(worst, "<tr><td>"), 12);
    // A volume under a key that is not shared.
    let row = worst
        .split("<tr>")
        .find(|row| row.contains("vol-005c961941f2c8848"));
    let row = row.unwrap();
    for part in [
        "not ready",
        "eu-central-1",
        "href=\"#rule-kms-key-shared\"",
        "aria-label=\"Key: fail\"",
        "aria-label=\"Encryption: pass\"",
        "aria-label=\"Proof: fail\"",
    ] {
        assert!(row.contains(part), "{part} not in {row}");
    }
    let contents = between(&page, "<nav class=\"contents\"", "</nav>");
    for id in ["matrix", "resources", "causes", "rules", "coverage"] {
        assert!(contents.contains(&format!("href=\"#{id}\"")), "{id}");
    }
}

#[test]
fn a_browser_shows_a_short_page_and_prints_two() {
    let page = render("html", &report(snapshot("mixed"), &Options::default()));
    let mut browser = Browser::start();
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        json!({"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false}),
    );
    browser.open(&page);
    let height = browser.value("document.documentElement.scrollHeight");
    assert!(height.as_u64().unwrap() <= 15 * 800, "{height}");
    // A4 and Letter, with the margins of the page.
    for (width, height) in [(8.27, 11.69), (8.5, 11.0)] {
        let printed = browser.call(
            "Page.printToPDF",
            json!({"paperWidth": width, "paperHeight": height, "preferCSSPageSize": true}),
        );
        let pdf = decode_base64(printed["data"].as_str().unwrap());
        let pdf = String::from_utf8_lossy(&pdf);
        let pages = times(&pdf, "/Type /Page\n") + times(&pdf, "/Type /Page ");
        assert_eq!(pages, 2, "{width} x {height} inches");
    }
    // On a wide screen the matrix is beside the answer and is wider than a narrow screen.
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        json!({"width": 2560, "height": 1440, "deviceScaleFactor": 1, "mobile": false}),
    );
    let wide = browser.value("document.querySelector('.matrix').offsetWidth");
    assert!(wide.as_u64().unwrap() > 1200, "{wide}");
    let top = "document.querySelector('.by').getBoundingClientRect().top - document.querySelector('.answer').getBoundingClientRect().top";
    assert!(browser.value(top).as_f64().unwrap().abs() < 60.0);
}

/// The picture of the guide. It is taken only with `UPDATE_DOCS=1`: fonts differ between machines.
const PICTURE: &str = "docs/src/images/report.png";

#[test]
fn a_browser_takes_the_picture_of_the_guide() {
    let page = fs::read_to_string(repository().join("docs/src/formats.md")).unwrap();
    assert!(page.contains("](images/report.png)"));
    let file = repository().join(PICTURE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let mut browser = Browser::start();
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false}),
        );
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": "light"}]});
        browser.call("Emulation.setEmulatedMedia", features);
        browser.open(&render(
            "html",
            &report(snapshot("mixed"), &Options::default()),
        ));
        let taken = browser.call(
            "Page.captureScreenshot",
            json!({"format": "png", "clip": {"x": 0, "y": 0, "width": 1280, "height": 1180, "scale": 1}, "captureBeyondViewport": true}),
        );
        let picture = decode_base64(taken["data"].as_str().unwrap());
        fs::write(&file, picture).unwrap();
    }
    let picture = fs::read(&file).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    assert!(picture.len() < 400_000, "{} bytes", picture.len());
}
