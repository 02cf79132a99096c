//! Whether JSON is of a schema: the words of JSON Schema that our description uses, and no others.

use serde_json::Value;

/// A description, and the one schema that is looked at within it.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'a> {
    document: &'a Value,
    schema: &'a Value,
    /// Whether members that are not described are faults: they are in what we answer.
    strict: bool,
}

impl<'a> Schema<'a> {
    pub(crate) fn new(document: &'a Value, schema: &'a Value, strict: bool) -> Schema<'a> {
        Schema {
            document,
            schema,
            strict,
        }
    }

    fn at(self, schema: &'a Value) -> Schema<'a> {
        Schema { schema, ..self }
    }

    /// What is wrong with `value`, if anything is.
    pub(crate) fn fault(self, value: &Value) -> Option<String> {
        let words = self.schema.as_object().unwrap();
        for (word, wanted) in words {
            let fault = match word.as_str() {
                "description" | "required" => None,
                "$ref" => self.at(self.referred(wanted)).fault(value),
                "type" => (!is_of_type(value, wanted)).then(|| format!("{value} is no {wanted}")),
                "const" => (value != wanted).then(|| format!("{value} is not {wanted}")),
                "enum" => {
                    let texts = wanted.as_array().unwrap();
                    (!texts.contains(value)).then(|| format!("{value} is none of {wanted}"))
                }
                "anyOf" => self.fault_of_all(wanted, value),
                "items" => {
                    let items = value.as_array().into_iter().flatten();
                    items.filter_map(|item| self.at(wanted).fault(item)).next()
                }
                "properties" => self.fault_of_members(wanted, value),
                other => panic!("{other} is not known here"),
            };
            if fault.is_some() {
                return fault;
            }
        }
        None
    }

    pub(crate) fn referred(self, reference: &Value) -> &'a Value {
        let path = reference.as_str().unwrap().strip_prefix('#').unwrap();
        let found = self.document.pointer(path);
        found.unwrap_or_else(|| panic!("{path} leads nowhere"))
    }

    /// The fault of an alternative that comes near, where none fits.
    fn fault_of_all(self, all: &'a Value, value: &Value) -> Option<String> {
        let faults = all.as_array().unwrap().iter();
        let faults: Option<Vec<String>> = faults.map(|one| self.at(one).fault(value)).collect();
        faults.map(|faults| faults.join("; nor: "))
    }

    fn fault_of_members(self, described: &'a Value, value: &Value) -> Option<String> {
        // Another type's fault is told by "type".
        let members = value.as_object()?;
        let required = self.schema["required"].as_array().into_iter().flatten();
        for name in required {
            if !members.contains_key(name.as_str().unwrap()) {
                return Some(format!("{name} is missing in {value}"));
            }
        }
        for (name, value) in members {
            let fault = match described.get(name) {
                Some(schema) => self.at(schema).fault(value),
                None if self.strict => Some("not described".to_owned()),
                None => None,
            };
            if let Some(fault) = fault {
                return Some(format!("{name}: {fault}"));
            }
        }
        None
    }
}

fn is_of_type(value: &Value, wanted: &Value) -> bool {
    match wanted.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

#[test]
fn what_is_not_of_a_schema_is_told() {
    let document = serde_json::json!({"one": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "state": {"enum": ["on", "off"]},
            "list": {"type": "array", "items": {"$ref": "#/one"}},
        },
        "required": ["name"],
    }});
    let fault = |text: &str, strict| {
        let value = serde_json::from_str(text).unwrap();
        Schema::new(&document, &document["one"], strict).fault(&value)
    };
    for good in [
        r#"{"name":"a"}"#,
        r#"{"name":"a","count":null,"state":"on","list":[]}"#,
        r#"{"name":"a","count":-1,"list":[{"name":"b"}]}"#,
    ] {
        assert_eq!(fault(good, true), None, "{good}");
    }
    for bad in [
        "[]",
        "{}",
        r#"{"name":1}"#,
        r#"{"name":"a","count":1.5}"#,
        r#"{"name":"a","state":"up"}"#,
        r#"{"name":"a","list":{}}"#,
        r#"{"name":"a","list":[{"name":"b"},{}]}"#,
    ] {
        assert!(fault(bad, false).is_some(), "{bad}");
    }
    assert!(fault(r#"{"name":"a","other":1}"#, true).is_some());
    assert_eq!(fault(r#"{"name":"a","other":1}"#, false), None);
}
