//! The JSON at the start of a safetensors file, by the `safetensors` crate.
//!
//! The crate's own way in, SafeTensors::read_metadata, says where in the text it
//! stumbled but not at which tensor, and lets a name that comes twice pass. So
//! the tensors go through its types (TensorInfo, Dtype) one by one, and its
//! Metadata then judges them together. Its maps keep neither the order of the
//! tensors in the text nor that of "__metadata__"; both come out by name.

use crate::boundary::{free, guard, Bytes, Failure, Text};
use crate::header_guard::{check, shown_name};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{from_str, from_value, Map, Value};
use std::collections::{BTreeMap, HashMap};

const METADATA: &str = "__metadata__";

#[repr(C)]
pub struct Tensor {
    name: Text,
    dtype: Text,
    element_bits: u64,
    shape: *const u64,
    rank: usize,
    begin: u64,
    end: u64,
}

#[repr(C)]
pub struct MetadataItem {
    key: Text,
    value: Text,
}

#[repr(C)]
pub struct TensorHeader {
    tensors: *const Tensor,
    tensor_count: usize,
    metadata: *const MetadataItem,
    metadata_count: usize,
    objection: Text,
    owner: *mut Owner,
}

// The texts and numbers that `tensors` and `metadata` point into: they live on
// the heap and are not touched again, so moving an Owner moves none of them.
struct Parsed {
    tensors: Vec<(String, String, TensorInfo)>, // name, dtype
    metadata: BTreeMap<String, String>,
    objection: String,
}

pub struct Owner {
    parsed: Parsed,
    tensors: Vec<Tensor>,
    metadata: Vec<MetadataItem>,
}

fn takes<T: DeserializeOwned>(value: &Value) -> bool {
    from_value::<T>(value.clone()).is_ok()
}

// Which field the crate's types do not take; if each is taken alone, `reason`
// without its place, which is not one in the file.
fn tensor_problem(json: &str, reason: &serde_json::Error) -> String {
    const OBJECT: &str = "expected an object of dtype, shape and data_offsets";
    let Ok(fields) = from_str::<Map<String, Value>>(json) else { return OBJECT.to_owned() };
    let (Some(dtype), Some(shape), Some(offsets), 3) =
        (fields.get("dtype"), fields.get("shape"), fields.get("data_offsets"), fields.len())
    else {
        return OBJECT.to_owned();
    };
    let Some(name) = dtype.as_str() else { return "dtype: expected a string".to_owned() };
    if !takes::<Dtype>(dtype) {
        return format!("dtype {} is unknown", shown_name(name));
    }
    if !takes::<Vec<usize>>(shape) {
        return "shape: expected a list of integers below 2^63".to_owned();
    }
    if !takes::<(usize, usize)>(offsets) {
        return "data_offsets: expected [begin, end], integers below 2^63".to_owned();
    }
    let reason = reason.to_string();
    reason.split(" at line ").next().unwrap_or(&reason).to_owned()
}

// TensorInfo alone would also take a list of the three, and further fields.
fn has_three_fields(json: &str) -> bool {
    from_str::<BTreeMap<String, &RawValue>>(json).is_ok_and(|fields| fields.len() == 3)
}

fn parse_tensor(name: &str, json: &str) -> Result<TensorInfo, String> {
    let described = |problem: String| format!("tensor {}: {problem}", shown_name(name));
    if !has_three_fields(json) {
        return Err(described("expected an object of dtype, shape and data_offsets".to_owned()));
    }
    from_str::<TensorInfo>(json).map_err(|error| described(tensor_problem(json, &error)))
}

fn parse_metadata(json: &str) -> Result<BTreeMap<String, String>, String> {
    from_str(json).map_err(|error| {
        let Ok(fields) = from_str::<Map<String, Value>>(json) else {
            return format!("{METADATA}: expected an object");
        };
        match fields.iter().find(|(_, value)| !value.is_string()) {
            Some((name, _)) => format!("{METADATA}.{}: expected a string", shown_name(name)),
            None => format!("{METADATA}: {error}"),
        }
    })
}

// The crate's own judgement of all tensors together; empty if it has none.
fn objection(tensors: &[(String, String, TensorInfo)]) -> String {
    let mut ordered: Vec<(String, TensorInfo)> =
        tensors.iter().map(|(name, _, info)| (name.clone(), info.clone())).collect();
    ordered.sort_by_key(|(_, info)| info.data_offsets);
    match Metadata::new(None::<HashMap<String, String>>, ordered) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

fn parse(json: &str) -> Result<Parsed, String> {
    check(json)?;
    let entries: BTreeMap<String, &RawValue> =
        from_str(json).map_err(|_| "the header is no JSON object of tensors".to_owned())?;
    let mut parsed =
        Parsed { tensors: Vec::new(), metadata: BTreeMap::new(), objection: String::new() };
    for (name, value) in entries {
        if name == METADATA {
            parsed.metadata = parse_metadata(value.get())?;
            continue;
        }
        let info = parse_tensor(&name, value.get())?;
        parsed.tensors.push((name, info.dtype.to_string(), info));
    }
    parsed.objection = objection(&parsed.tensors);
    Ok(parsed)
}

fn view(name: &str, dtype: &str, info: &TensorInfo) -> Tensor {
    Tensor {
        name: Text::of(name),
        dtype: Text::of(dtype),
        element_bits: info.dtype.bitsize() as u64,
        shape: info.shape.as_ptr().cast(), // usize has 64 bits wherever this is built
        rank: info.shape.len(),
        begin: info.data_offsets.0 as u64,
        end: info.data_offsets.1 as u64,
    }
}

const _: () = assert!(usize::BITS == 64);

fn into_header(parsed: Parsed) -> TensorHeader {
    let tensors =
        parsed.tensors.iter().map(|(name, dtype, info)| view(name, dtype, info)).collect();
    let metadata = parsed
        .metadata
        .iter()
        .map(|(name, text)| MetadataItem { key: Text::of(name), value: Text::of(text) })
        .collect();
    let owner = Box::new(Owner { parsed, tensors, metadata });
    TensorHeader {
        tensors: owner.tensors.as_ptr(),
        tensor_count: owner.tensors.len(),
        metadata: owner.metadata.as_ptr(),
        metadata_count: owner.metadata.len(),
        objection: Text::of(&owner.parsed.objection),
        owner: Box::into_raw(owner),
    }
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tensor_header_parse(
    json: Text,
    header: *mut TensorHeader,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let json = std::str::from_utf8(json.bytes())
            .map_err(|_| Failure::Invalid("the header is not valid JSON".to_owned()))?;
        header.write(into_header(parse(json).map_err(Failure::Invalid)?));
        Ok(())
    })
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tensor_header_free(header: TensorHeader) {
    free(header.owner);
}
