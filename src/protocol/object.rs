//! JSON objects, as requests bring them: the members in their order, doubled ones too.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer as _, MapAccess, Visitor};

/// The members of a text that is one JSON object and nothing else.
pub(super) fn members<'a, V: Deserialize<'a>>(
    text: &'a [u8],
) -> serde_json::Result<Vec<(String, V)>> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let members = reader.deserialize_map(InOrder(PhantomData))?;
    reader.end().map(|()| members)
}

struct InOrder<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for InOrder<V> {
    type Value = Vec<(String, V)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
