//! Home Assistant's MQTT discovery: one retained message for each entity of the device.

use super::message::{Message, availability_topic, verdict_topic};
use crate::error::{Error, Result, Stage};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The configuration message of an entity.
#[derive(Debug, Serialize)]
struct Entity {
    name: &'static str,
    unique_id: String,
    state_topic: String,
    value_template: &'static str,
    availability_topic: String,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_after: Option<u64>,
    device: Value,
    origin: Value,
    #[serde(flatten)]
    properties: Value,
}

/// An entity before the device's name is known.
struct EntityKind {
    component: &'static str,
    object: &'static str,
    name: &'static str,
    /// Reads the value from a verdict line.
    template: &'static str,
    properties: Value,
}

fn entity_kinds() -> [EntityKind; 8] {
    let probability = || json!({ "state_class": "measurement", "suggested_display_precision": 2 });
    let sensor =
        |object, name, template, properties| EntityKind { component: "sensor", object, name, template, properties };
    [
        // An automation must not act on a flagged prediction.
        sensor(
            "action",
            "Action",
            "{{ value_json.label if value_json.verdict == 'accept' else 'unknown' }}",
            json!({ "icon": "mdi:human-handsup" }),
        ),
        sensor("prediction", "Prediction", "{{ value_json.label }}", json!({ "icon": "mdi:label-outline" })),
        sensor(
            "verdict",
            "Verdict",
            "{{ value_json.verdict }}",
            json!({ "device_class": "enum", "options": ["accept", "flag", "abstain"] }),
        ),
        EntityKind {
            component: "binary_sensor",
            object: "background",
            name: "Background dominates",
            template: "{{ 'ON' if value_json.reason == 'background-dominates' else 'OFF' }}",
            properties: json!({ "device_class": "problem" }),
        },
        sensor(
            "dominance",
            "Dominance of the background",
            "{{ value_json.attribution.value }}",
            json!({ "state_class": "measurement", "suggested_display_precision": 2, "icon": "mdi:scale-balance" }),
        ),
        sensor("p_full", "Probability, whole picture", "{{ value_json.p.full }}", probability()),
        sensor("p_person", "Probability, person only", "{{ value_json.p.person }}", probability()),
        sensor("p_background", "Probability, background only", "{{ value_json.p.background }}", probability()),
    ]
}

/// Returns the discovery messages of device `name`, below the topic `prefix`. Values are unknown `expire_after` their
/// last verdict.
///
/// # Errors
/// Returns an error if `prefix` holds wildcards.
pub(super) fn entities(prefix: &str, name: &str, expire_after: Option<Duration>) -> Result<Vec<Message>> {
    if prefix.contains(['+', '#', '\0']) {
        let expected = "a discovery topic without + and # for Home Assistant";
        return Err(Error::new(Stage::Sink, expected, format_args!("{prefix:?}"), "choose another topic"));
    }
    let node = format!("figureground_{name}");
    let version = env!("CARGO_PKG_VERSION");
    let device = json!({
        "identifiers": [node],
        "name": format!("figureground {name}"),
        "manufacturer": "figureground",
        "model": "action recognition",
        "sw_version": version,
    });
    let message = |kind: EntityKind| {
        let entity = Entity {
            name: kind.name,
            unique_id: format!("{node}_{}", kind.object),
            state_topic: verdict_topic(name),
            value_template: kind.template,
            availability_topic: availability_topic(name),
            expire_after: expire_after.map(|time| time.as_secs_f64().ceil() as u64),
            device: device.clone(),
            origin: json!({ "name": "figureground", "sw_version": version }),
            properties: kind.properties,
        };
        let text = serde_json::to_string(&entity).unwrap_or_default();
        let topic = format!("{prefix}/{}/{node}/{}/config", kind.component, kind.object);
        Message { topic, text: text.into(), retain: true }
    };
    Ok(entity_kinds().into_iter().map(message).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_have_unique_ids_and_read_fields_of_verdict_lines() {
        let entities = entities("homeassistant", "kitchen", Some(Duration::from_millis(10_500))).unwrap();
        let parsed: Vec<Value> = entities.iter().map(|message| serde_json::from_str(&message.text).unwrap()).collect();
        let ids: std::collections::BTreeSet<&str> =
            parsed.iter().map(|entity| entity["unique_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), entities.len());
        let schema: Value = serde_json::from_str(include_str!("../../../schemas/verdict.schema.json")).unwrap();
        for (message, entity) in entities.iter().zip(&parsed) {
            assert!(message.retain && message.topic.starts_with("homeassistant/"));
            assert_eq!(entity["state_topic"], "figureground/kitchen/verdict");
            assert_eq!(entity["expire_after"], 11);
            let template = entity["value_template"].as_str().unwrap();
            for path in template.split("value_json.").skip(1) {
                let field = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
                assert!(schema["properties"].get(field).is_some(), "{field}");
            }
        }
    }
}
