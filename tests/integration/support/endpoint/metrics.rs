//! Values of metrics, for `cloudwatch:GetMetricData`.
//!
//! A fixture has the daily `values` of metrics, the newest first; the name of a metric is its namespace, its name and
//! the values of its dimensions. `statuses` are those of a metric on each page, if they are not one `Complete`: each
//! page has then one value. `messages` are about the call.

use serde_json::{Value, json};

use super::Request;

const SECONDS_PER_DAY: i64 = 86_400;

/// Returns the page that a request asks for.
pub(super) fn answer_metrics(fixture: &Value, request: &Request) -> Value {
    let parameter = |name: &str| -> Value {
        let text = request.parameters.get(name).expect("a required parameter");
        serde_json::from_str(text).expect("not a text")
    };
    let page: usize = request
        .page_token()
        .map_or(0, |token| token.parse().expect("the token of a page"));
    let end = parameter("EndTime")["$time"].as_f64().expect("a time") as i64;
    let start = parameter("StartTime")["$time"].as_f64().expect("a time") as i64;
    let mut has_more = false;
    let mut results = Vec::new();
    for query in parameter("MetricDataQueries").as_array().expect("a list") {
        let name = name_metric(&query["MetricStat"]["Metric"]);
        let statuses = fixture["statuses"][&name].as_array().cloned();
        let statuses = statuses.unwrap_or_else(|| vec![json!("Complete")]);
        has_more |= statuses.len() > page + 1;
        let Some(status) = statuses.get(page) else {
            continue;
        };
        let values = fixture["values"][&name].as_array().cloned();
        let mut points: Vec<(i64, Value)> = (1..)
            .map(|day| end - day * SECONDS_PER_DAY)
            .zip(values.unwrap_or_default())
            .filter(|(time, value)| *time >= start && !value.is_null())
            .collect();
        if statuses.len() > 1 {
            points = points.get(page).cloned().into_iter().collect();
        }
        let times = points.iter().map(|(time, _)| json!({"$time": time}));
        results.push(json!({
            "Id": query["Id"],
            "Label": name,
            "StatusCode": status,
            "Timestamps": times.collect::<Vec<_>>(),
            "Values": points.iter().map(|(_, value)| value.as_f64()).collect::<Vec<_>>(),
        }));
    }
    let mut answer = json!({"MetricDataResults": results});
    if has_more {
        answer["NextToken"] = json!((page + 1).to_string());
    }
    if let Some(messages) = fixture.get("messages") {
        answer["Messages"] = messages.clone();
    }
    answer
}

fn name_metric(metric: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let dimensions = metric["Dimensions"].as_array().expect("a list").iter();
    let names = [&metric["Namespace"], &metric["MetricName"]].into_iter();
    let parts = names.chain(dimensions.map(|it| &it["Value"])).map(text);
    parts.collect::<Vec<_>>().join(" ")
}
