//! Shapes of JSON, written short, become JSON Schema.
//!
//! ```text
//! {name: text, balance?: Amount, at: Time|null}     an object; what has a ? may be missing
//! [Player]                                          a list
//! "open"|"closed"                                   one of these
//! {..Player, blocked: truth}                        the members of a named shape, and more
//! ```
//!
//! `text`, `whole` (number), `number`, `truth`, `null` and `any` are what JSON knows; words that
//! begin with a capital are [named](super::names) shapes.

use serde_json::{Map, Value, json};

/// A shape's schema.
///
/// # Panics
/// Where the shape is not written as above: ours all are, as tests see.
pub(super) fn schema(shape: &str) -> Value {
    let mut reader = Reader { rest: shape };
    let schema = reader.shape();
    assert!(reader.peek().is_none(), "{shape:?} goes on after its end");
    schema
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: &str) {
        assert!(
            self.takes(sign),
            "{sign:?} is missing before {:?}",
            self.rest
        );
    }

    fn word(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = text.find(|c| !is_letter(c)).unwrap_or(text.len());
        assert!(end > 0, "a word is missing before {text:?}");
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        word
    }

    /// One alternative or more. Texts that are given become one choice.
    fn shape(&mut self) -> Value {
        let mut all = vec![self.one()];
        while self.takes("|") {
            all.push(self.one());
        }
        if all.len() == 1 {
            return all.remove(0);
        }
        match all
            .iter()
            .map(|schema| schema.get("const").cloned())
            .collect::<Option<Vec<_>>>()
        {
            Some(texts) => json!({"type": "string", "enum": texts}),
            None => json!({"anyOf": all}),
        }
    }

    fn one(&mut self) -> Value {
        if self.takes("{") {
            return self.object();
        }
        if self.takes("[") {
            let items = self.shape();
            self.expect("]");
            return json!({"type": "array", "items": items});
        }
        if self.takes("\"") {
            let (text, rest) = self.rest.split_once('"').expect("a text ends");
            self.rest = rest;
            return json!({"type": "string", "const": text});
        }
        match self.word() {
            "text" => json!({"type": "string"}),
            "whole" => json!({"type": "integer"}),
            "number" => json!({"type": "number"}),
            "truth" => json!({"type": "boolean"}),
            "null" => json!({"type": "null"}),
            "any" => json!({}),
            "true" => json!({"const": true}),
            "false" => json!({"const": false}),
            name => {
                assert!(
                    super::names::shape(name).is_some(),
                    "no shape is called {name}"
                );
                json!({"$ref": format!("#/components/schemas/{name}")})
            }
        }
    }

    fn object(&mut self) -> Value {
        let (mut members, mut required) = (Map::new(), Vec::new());
        while !self.takes("}") {
            if self.takes("..") {
                let name = self.word();
                let shape = super::names::shape(name).expect("the shape that is put in");
                let mut of = schema(shape);
                for (name, member) in of["properties"].as_object().into_iter().flatten() {
                    members.insert(name.clone(), member.clone());
                }
                if let Some(names) = of["required"].as_array_mut() {
                    required.append(names);
                }
            } else {
                let name = self.word();
                if !self.takes("?") {
                    required.push(json!(name));
                }
                self.expect(":");
                let member = self.shape();
                members.insert(name.to_owned(), member);
            }
            if !self.takes(",") {
                self.expect("}");
                break;
            }
        }
        let mut schema = json!({"type": "object", "properties": members});
        if !required.is_empty() {
            schema["required"] = Value::Array(required);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_becomes_its_schema() {
        for (shape, wanted) in [
            ("text", json!({"type": "string"})),
            (
                "[whole]",
                json!({"type": "array", "items": {"type": "integer"}}),
            ),
            (
                "\"a\" | \"b\"",
                json!({"type": "string", "enum": ["a", "b"]}),
            ),
            (
                "Amount|null",
                json!({"anyOf": [{"$ref": "#/components/schemas/Amount"}, {"type": "null"}]}),
            ),
            ("{}", json!({"type": "object", "properties": {}})),
            (
                "{a: truth, b?: {c: true},}",
                json!({
                    "type": "object",
                    "properties": {
                        "a": {"type": "boolean"},
                        "b": {
                            "type": "object",
                            "properties": {"c": {"const": true}},
                            "required": ["c"],
                        },
                    },
                    "required": ["a"],
                }),
            ),
        ] {
            assert_eq!(schema(shape), wanted, "{shape}");
        }
        let more = schema("{..Refused, data: number}");
        assert_eq!(more["required"], json!(["success", "message", "data"]));
    }

    #[test]
    fn a_slip_of_the_pen_is_told() {
        for shape in [
            "",
            "txt",
            "{a text}",
            "[text",
            "text text",
            "Nothing",
            "{a: text b: text}",
        ] {
            let read = std::panic::catch_unwind(|| schema(shape));
            assert!(read.is_err(), "{shape:?}");
        }
    }
}
