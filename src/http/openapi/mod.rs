//! The description of all that can be asked over HTTP (OpenAPI 3.1), made from the tables that
//! requests are led by: a route without a description does not compile.
//!
//! Members of requests that are not described are refused by the admin API and ignored by the
//! others. Answers may get further members later.

mod admin;
mod gateway;
mod names;
mod partner;
mod public;
mod shape;

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::health::read_only;
use super::reply::{Reply, json};
use super::route::{self, Side};

/// How a description is written.
const VERSION: &str = "3.1.0";

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";

/// What a caller must bring.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Nothing.
    None,
    /// The two headers of a partner.
    Partner,
    /// A merchant's secret in the query.
    Merchant,
    /// The admin key.
    Admin,
}

/// A call with its method and path, and what is said of it.
struct Call {
    method: Method,
    /// With `{name}` where it names something.
    path: String,
    /// Unique.
    id: String,
    summary: &'static str,
    proof: Proof,
    /// Headers that may come, as an object's shape.
    headers: &'static str,
    /// What may stand in the query, as an object's shape.
    query: &'static str,
    /// What is sent: media type and shape.
    body: Option<(&'static str, &'static str)>,
    answers: Vec<Answer>,
}

/// An answer: its status (0 for all others), what it means, media type and shape (empty for any
/// bytes).
type Answer = (u16, &'static str, &'static str, &'static str);

/// The description of what is asked at the public address; with the admin address's where `all`.
///
/// # Panics
/// Never: it is made from tables, as tests see.
pub fn document(all: bool) -> Value {
    let mut paths = Map::new();
    for call in calls(all) {
        let path = paths.entry(call.path.clone()).or_insert_with(|| json!({}));
        if call.path.starts_with("/v2/partner/") {
            path["servers"] = json!([{"url": "/"}, {"url": "/api"}]);
        }
        path[call.method.as_str().to_ascii_lowercase()] = operation(&call);
    }
    json!({
        "openapi": VERSION,
        "info": {
            "title": "coffer",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A wallet engine: the Wallet API that game servers call, the Partner API, \
                payment pages, and the admin API. Every answer is durable before it is told.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": names::schemas(),
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "apiSecret": {"type": "apiKey", "in": "header", "name": "X-API-Secret"},
                "secret": {"type": "apiKey", "in": "query", "name": "secret"},
                "adminKey": {"type": "http", "scheme": "bearer"},
            },
        },
    })
}

/// Every call, from the tables.
fn calls(all: bool) -> Vec<Call> {
    let is_wanted = |side: Option<Side>| all || side != Some(Side::Admin);
    let known = route::known().filter(|(side, ..)| is_wanted(*side));
    let mut calls: Vec<Call> = known
        .flat_map(|(_, path, route)| public::calls(path, route))
        .collect();
    // What two addresses answer alike, and what a second prefix leads to, is described once.
    let mut seen = std::collections::BTreeSet::new();
    calls.retain(|call| seen.insert((call.path.clone(), call.method.to_string())));
    calls
}

fn operation(call: &Call) -> Value {
    let mut operation = json!({
        "operationId": call.id,
        "summary": call.summary,
        "responses": responses(&call.answers),
    });
    let mut parameters = named_in_path(&call.path);
    parameters.extend(parameters_of("header", call.headers));
    parameters.extend(parameters_of("query", call.query));
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some((kind, shape)) = call.body {
        operation["requestBody"] = json!({
            "required": true,
            "content": {kind: {"schema": shape::schema(shape)}},
        });
    }
    operation["security"] = match call.proof {
        Proof::None => json!([]),
        Proof::Partner => json!([{"apiKey": [], "apiSecret": []}]),
        Proof::Merchant => json!([{"secret": []}]),
        Proof::Admin => json!([{"adminKey": []}]),
    };
    operation
}

fn responses(answers: &[Answer]) -> Value {
    let mut responses = Map::new();
    for &(status, text, kind, shape) in answers {
        let mut response = json!({"description": text});
        if !kind.is_empty() {
            let schema = match shape {
                "" => json!({}),
                shape => json!({"schema": shape::schema(shape)}),
            };
            response["content"] = json!({kind: schema});
        }
        let name = match status {
            0 => "default".to_owned(),
            status => status.to_string(),
        };
        responses.insert(name, response);
    }
    Value::Object(responses)
}

fn named_in_path(path: &str) -> Vec<Value> {
    let named = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    named
        .map(|name| {
            json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
        })
        .collect()
}

/// The members of an object's shape as parameters.
fn parameters_of(place: &str, shape: &str) -> Vec<Value> {
    if shape.is_empty() {
        return Vec::new();
    }
    let schema = shape::schema(shape);
    let members = schema["properties"].as_object();
    let required = schema["required"].as_array();
    let is_required = |name: &str| {
        let mut required = required.into_iter().flatten();
        required.any(|known| known == name)
    };
    let members = members.into_iter().flatten();
    members
        .map(|(name, schema)| {
            let required = is_required(name);
            // Underscores stand for what no word of a shape can hold.
            let name = match place {
                "header" => name.replace('_', "-"),
                _ => name.clone(),
            };
            json!({"name": name, "in": place, "required": required, "schema": schema})
        })
        .collect()
}

/// The description as it is served at one of the addresses.
pub(super) fn answer(method: &Method, side: Side) -> Reply {
    static PUBLIC: LazyLock<Bytes> = LazyLock::new(|| bytes(false));
    static ALL: LazyLock<Bytes> = LazyLock::new(|| bytes(true));
    let document = match side {
        Side::Public => &PUBLIC,
        Side::Admin => &ALL,
    };
    read_only(method, || json(StatusCode::OK, Bytes::clone(document)))
}

fn bytes(all: bool) -> Bytes {
    let document = serde_json::to_vec(&document(all));
    document.expect("texts, lists and objects are JSON").into()
}
