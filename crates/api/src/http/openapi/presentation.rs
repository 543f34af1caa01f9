//! What readers and generators of the contract expect beside its facts: short summaries, descriptions, examples, one schema for
//! one thing.

use serde_json::{Value, json};
use utoipa::{
    Modify,
    openapi::{
        Components, OpenApi as Document, Ref, RefOr,
        path::{Operation, Parameter, ParameterBuilder},
        schema::{Schema, SchemaType, Type},
    },
};

/// The envelope's generic schemas are named by what they hold.
const ENVELOPE: &str = "Success_";

/// Examples of parameters, by their names. Those of a fixed set of words have the first of them.
const EXAMPLES: [(&str, &str); 28] = [
    ("accountId", "1002786770"),
    ("asOf", "2026-01-31T12:00:00Z"),
    ("code", "SplxlOBeZQQYbYS6WxSbIA"),
    ("columns", "status=State"),
    ("company", "demo"),
    ("currency", "EUR"),
    ("endDate", "2026-01-31"),
    ("error", "access_denied"),
    ("eventName", "PAYMENT_COMPLETED"),
    ("failureReason", "DECLINED"),
    ("from", "2026-01-01"),
    ("id", "018f6a3c-5e2b-7c41-9d0e-2f6b8a4c1d75"),
    ("kind", "PAYMENT,REFUND"),
    ("mapping", "bank"),
    ("merchantRefNum", "order-4711"),
    ("name", "march.csv"),
    ("number", "1"),
    ("paymentMethod", "CARD,SEPA"),
    ("q", "order-47"),
    ("resourceId", "9a1c1f0e-3f7b-4a3e-8a25-0b8f3a2b6c11"),
    ("saveMapping", "bank"),
    ("startDate", "2026-01-01"),
    ("state", "failed"),
    ("status", "FAILED,RETURNED"),
    ("timeFormat", "%d/%m/%Y %H:%M"),
    ("timeZone", "America/Toronto"),
    ("to", "2026-02-01"),
    ("until", "2026-02-01T12:00:00Z"),
];

/// Only the platform makes these up.
const OPAQUE: [&str; 2] = ["cursor", "Last-Event-ID"];

/// See the module.
pub(super) struct Presentation;

impl Modify for Presentation {
    fn modify(&self, document: &mut Document) {
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten() {
                summarise(operation);
                for parameter in operation.parameters.iter_mut().flatten() {
                    if let RefOr::T(parameter) = parameter {
                        explain(parameter);
                    }
                }
            }
        }
        if let Some(components) = &mut document.components {
            refer(components);
        }
    }
}

/// The first sentence is the summary, and all of them the description.
fn summarise(operation: &mut Operation) {
    let Some(summary) = operation.summary.take() else { return };
    let rest = operation.description.take().map_or(String::new(), |text| format!("\n\n{text}"));
    let text = format!("{}{rest}", summary.split_whitespace().collect::<Vec<_>>().join(" "));
    let end = [". ", "; ", "? ", ": "].iter().filter_map(|stop| text.find(stop)).min();
    let first = text.get(..end.unwrap_or(text.len())).unwrap_or(&text).trim_end_matches('.');
    operation.summary = Some(first.to_owned());
    operation.description = Some(text);
}

fn explain(parameter: &mut Parameter) {
    if parameter.description.is_none() {
        parameter.description = Some(format!("The {} of what is meant.", parameter.name));
    }
    *parameter = ParameterBuilder::from(parameter.clone()).example(example(parameter)).build();
}

fn example(parameter: &Parameter) -> Option<Value> {
    let name = parameter.name.as_str();
    if OPAQUE.contains(&name) {
        return None;
    }
    let Some(RefOr::T(Schema::Object(schema))) = &parameter.schema else { return None };
    let of_words = || schema.enum_values.as_ref().and_then(|words| words.first().cloned());
    let by_type = || match &schema.schema_type {
        SchemaType::Type(Type::Boolean) => Some(json!(true)),
        SchemaType::Type(Type::Integer) => {
            Some(schema.default.clone().unwrap_or_else(|| schema.minimum.as_ref().map_or(json!(1), |least| json!(least))))
        }
        _ => None,
    };
    // `-updatedAt`, from `^-?(updatedAt|…)$`.
    let by_order = || {
        let names = schema.pattern.as_deref()?.strip_prefix("^-?(")?;
        names.split(['|', ')']).next().map(|first| json!(format!("-{first}")))
    };
    let listed = || EXAMPLES.iter().find(|(known, _)| *known == name).map(|(_, example)| json!(example));
    of_words().or_else(by_type).or_else(by_order).or_else(listed)
}

/// An envelope refers to what it holds instead of repeating it.
fn refer(components: &mut Components) {
    let named = components.schemas.clone();
    for (name, schema) in &mut components.schemas {
        let Some(held) = name.strip_prefix(ENVELOPE) else { continue };
        let RefOr::T(Schema::Object(envelope)) = schema else { continue };
        if let (Some(data), Some(schema)) = (envelope.properties.get_mut("data"), named.get(held))
            && data == schema
        {
            *data = RefOr::Ref(Ref::from_schema_name(held));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use utoipa::OpenApi;

    use super::*;
    use crate::http::openapi::Api;

    fn operations() -> Vec<Value> {
        let document = serde_json::to_value(Api::openapi()).unwrap();
        let items = document["paths"].as_object().unwrap().values();
        items.flat_map(|item| item.as_object().unwrap().values().cloned()).collect()
    }

    #[test]
    fn every_operation_says_in_short_and_at_length_what_it_does() {
        for operation in operations() {
            let (summary, description) = (operation["summary"].as_str().unwrap(), operation["description"].as_str().unwrap());
            assert!(!summary.is_empty() && summary.len() <= 100 && !summary.ends_with('.'), "{summary}");
            assert!(description.starts_with(summary), "{description}");
        }
    }

    #[test]
    fn every_parameter_has_a_description_and_an_example_that_fits_it() {
        for parameter in operations().iter().filter_map(|operation| operation["parameters"].as_array()).flatten() {
            let name = parameter["name"].as_str().unwrap();
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            let example = &parameter["example"];
            assert_eq!(example.is_null(), OPAQUE.contains(&name), "{name}: {parameter}");
            let words = parameter["schema"]["enum"].as_array();
            assert!(words.is_none_or(|words| words.contains(example)), "{name}: {example}");
        }
    }
}
