//! Recomputes a verdict line from its own numbers, by the formulas of docs/formats.md.

use serde_json::Value;

/// The smallest probability in a logarithm.
const LEAST_P: f64 = 1e-6;

/// Checks that attribution, risk, `explained_by` and verdict of `line` follow from its other numbers to 1e-4.
pub fn check(line: &Value) {
    let first = |view: &str| line[view][0]["label"] == line["label"];
    let explained_by = match (first("person_view"), first("background_view")) {
        (true, true) => "both",
        (true, false) => "person",
        (false, true) => "background",
        (false, false) => "neither",
    };
    assert_eq!(line["explained_by"], explained_by, "{line}");

    let attribution = &line["attribution"];
    near(&attribution["value"], score(line, attribution["score"].as_str().unwrap()).unwrap(), line);
    let rank = attribution["rank"].as_u64().unwrap() as usize;
    let background = line["background_view"].as_array().unwrap();
    match background.iter().position(|class| class["label"] == line["label"]) {
        Some(position) => assert_eq!(rank, position + 1, "{line}"),
        None => assert!(rank > background.len(), "{line}"),
    }
    if let Some(parts) = line["risk"]["parts"].as_object() {
        let log_odds: f64 = parts.values().map(|part| part.as_f64().unwrap()).sum();
        near(&line["risk"]["value"], 1.0 / (1.0 + (-log_odds).exp()), line);
    }
    let exceeds = |test: &Value| test["value"].as_f64().unwrap() > test["threshold"].as_f64().unwrap();
    let risk = &line["risk"];
    if let Some(value) = risk["score"].as_str().and_then(|name| score(line, name)) {
        near(&risk["value"], value, line);
    }

    let expected = if line["distinct_frames"] != 1 && few(line) || line["verdict"] == "abstain" {
        ("abstain", line["reason"].as_str())
    } else if exceeds(attribution) && rank == 1 {
        ("flag", Some("background-dominates"))
    } else if risk.is_null() || !exceeds(risk) {
        ("accept", None)
    } else if first("person_view") {
        ("flag", Some("likely-wrong"))
    } else {
        ("flag", Some("person-disagrees"))
    };
    assert_eq!((line["verdict"].as_str().unwrap(), line["reason"].as_str()), expected, "{line}");
}

/// Returns whether fewer than half of the line's frames are distinct.
fn few(line: &Value) -> bool {
    2 * line["distinct_frames"].as_u64().unwrap() < line["frames"].as_array().unwrap().len() as u64
}

/// Returns a score from the numbers of the line; `None` for one that needs the logits of all classes.
fn score(line: &Value, name: &str) -> Option<f64> {
    let p = |view: &str| line["p"][view].as_f64().unwrap();
    let ln = |p: f64| p.max(LEAST_P).ln();
    let others = |view: &str| {
        let classes = line[view].as_array().unwrap().iter();
        classes.filter(|class| class["label"] != line["label"]).filter_map(|class| class["p"].as_f64()).next()
    };
    let margin = |view: &str, p: f64| others(view).map_or(0.0, |other| ln(p) - ln(other));
    Some(match name {
        "max-softmax" => 1.0 - p("full"),
        "max-person" => 1.0 - p("person"),
        "full-person-mean" => 1.0 - (p("full") + p("person")) / 2.0,
        "probe" => p("background") - line["probe"]["kept"].as_f64()? / line["probe"]["places"].as_f64()?,
        "dominance" => p("background") - p("person"),
        "log-ratio" => ln(p("background")) - ln(p("person")),
        "margin" => margin("background_view", p("background")) - margin("person_view", p("person")),
        "disagreement" => others("person_view").map_or(0.0, |other| other - p("person")),
        _ => return None,
    })
}

fn near(number: &Value, expected: f64, line: &Value) {
    let number = number.as_f64().unwrap();
    assert!((number - expected).abs() <= 1e-4, "{number} for {expected} in {line}");
}
