//! What Home Assistant is told of the device: one retained message an entity, on the topics of its MQTT discovery.

use super::enabled::{availability_topic, verdict_topic};
use super::link::Message;
use serde::Serialize;
use serde_json::{Value, json};

/// One thing that Home Assistant shows.
#[derive(Debug, Serialize)]
struct Entity {
    name: &'static str,
    unique_id: String,
    state_topic: String,
    value_template: &'static str,
    availability_topic: String,
    device: Value,
    origin: Value,
    #[serde(flatten)]
    rest: Value,
}

/// Component, object and name of each entity, how it is read from a verdict line, and what else is said of it.
fn all() -> [(&'static str, &'static str, &'static str, &'static str, Value); 8] {
    let probability = json!({ "state_class": "measurement", "suggested_display_precision": 2 });
    [
        (
            "sensor",
            "action",
            "Action",
            // An automation must not act on what the room suggests.
            "{{ value_json.label if value_json.verdict == 'accept' else 'unknown' }}",
            json!({ "icon": "mdi:human-handsup" }),
        ),
        ("sensor", "prediction", "Prediction", "{{ value_json.label }}", json!({ "icon": "mdi:label-outline" })),
        (
            "sensor",
            "verdict",
            "Verdict",
            "{{ value_json.verdict }}",
            json!({ "device_class": "enum", "options": ["accept", "flag", "abstain"] }),
        ),
        (
            "binary_sensor",
            "background",
            "Background dominates",
            "{{ 'ON' if value_json.verdict == 'flag' else 'OFF' }}",
            json!({ "device_class": "problem" }),
        ),
        (
            "sensor",
            "dominance",
            "Dominance of the background",
            "{{ value_json.dominance }}",
            json!({ "state_class": "measurement", "suggested_display_precision": 2, "icon": "mdi:scale-balance" }),
        ),
        ("sensor", "p_full", "Probability, whole picture", "{{ value_json.p.full }}", probability.clone()),
        ("sensor", "p_person", "Probability, person only", "{{ value_json.p.person }}", probability.clone()),
        ("sensor", "p_background", "Probability, background only", "{{ value_json.p.background }}", probability),
    ]
}

/// The entities of the device `name`, below the topic `prefix`.
pub(super) fn entities(prefix: &str, name: &str) -> Vec<Message> {
    let node = format!("figureground_{name}");
    let version = env!("CARGO_PKG_VERSION");
    let device = json!({
        "identifiers": [node],
        "name": format!("figureground {name}"),
        "manufacturer": "figureground",
        "model": "action recognition",
        "sw_version": version,
    });
    let message = |(component, object, title, template, rest): (&str, &str, &'static str, &'static str, Value)| {
        let entity = Entity {
            name: title,
            unique_id: format!("{node}_{object}"),
            state_topic: verdict_topic(name),
            value_template: template,
            availability_topic: availability_topic(name),
            device: device.clone(),
            origin: json!({ "name": "figureground", "sw_version": version }),
            rest,
        };
        let text = serde_json::to_string(&entity).unwrap_or_default();
        Message { topic: format!("{prefix}/{component}/{node}/{object}/config"), text: text.into(), retain: true }
    };
    all().into_iter().map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_have_ids_of_their_own_and_read_what_verdict_lines_hold() {
        let entities = entities("homeassistant", "kitchen");
        let parsed: Vec<Value> = entities.iter().map(|message| serde_json::from_str(&message.text).unwrap()).collect();
        let ids: std::collections::BTreeSet<&str> =
            parsed.iter().map(|entity| entity["unique_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), entities.len());
        let schema: Value = serde_json::from_str(include_str!("../../../schemas/verdict.schema.json")).unwrap();
        for (message, entity) in entities.iter().zip(&parsed) {
            assert!(message.retain && message.topic.starts_with("homeassistant/"));
            assert_eq!(entity["state_topic"], "figureground/kitchen/verdict");
            let template = entity["value_template"].as_str().unwrap();
            for path in template.split("value_json.").skip(1) {
                let field = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
                assert!(schema["properties"].get(field).is_some(), "{field}");
            }
        }
    }
}
