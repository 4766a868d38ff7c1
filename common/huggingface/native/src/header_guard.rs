//! Passes over a safetensors header and stops at what one never has, before
//! anything is built from it: depth, long lists, a name given twice (which the
//! crate's map would hide).

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

const MAXIMUM_RANK: usize = 64;
const MAXIMUM_DEPTH: usize = 3; // file, tensor, shape

#[derive(Default)]
struct Guard {
    names: HashSet<String>,
    objection: Option<String>,
}

struct Level<'g> {
    guard: &'g mut Guard,
    depth: usize, // brackets around the value
}

impl Level<'_> {
    fn object<E: Error>(&mut self, objection: String) -> E {
        self.guard.objection = Some(objection);
        E::custom("refused")
    }

    fn enter<E: Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth <= MAXIMUM_DEPTH {
            return Ok(());
        }
        Err(self.object(format!("the header is nested deeper than {MAXIMUM_DEPTH}")))
    }

    fn below(&mut self) -> Level<'_> {
        Level { guard: self.guard, depth: self.depth }
    }

    fn take_name<E: Error>(&mut self, name: String) -> Result<(), E> {
        if self.depth > 1 || self.guard.names.insert(name.clone()) {
            return Ok(());
        }
        Err(self.object(format!("the header names {} twice", shown_name(&name))))
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("any JSON")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut count = 0;
        while values.next_element_seed(self.below())?.is_some() {
            count += 1;
            if count > MAXIMUM_RANK {
                let objection = format!("the header has a list of more than {MAXIMUM_RANK} values");
                return Err(self.object(objection));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        self.enter()?;
        while let Some(name) = entries.next_key::<String>()? {
            self.take_name(name)?;
            entries.next_value_seed(self.below())?;
        }
        Ok(())
    }
}

/// A tensor's name as messages show it: cut, without control characters.
pub fn shown_name(name: &str) -> String {
    name.chars().take(200).flat_map(char::escape_debug).collect()
}

/// What is wrong with `json`, if anything is.
pub fn check(json: &str) -> Result<(), String> {
    let mut guard = Guard::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let level = Level { guard: &mut guard, depth: 0 };
    let passed = level.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match passed {
        Ok(()) => Ok(()),
        Err(_) => Err(guard.objection.unwrap_or_else(|| "the header is not valid JSON".to_owned())),
    }
}
