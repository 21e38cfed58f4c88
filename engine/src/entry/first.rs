//! Payloads of the first version that have a newer one: still read, never written.

use super::shape::{Dialect, FileShape, RowFormat, RowKind, Said, TimeUnit};
use super::{InferredType, LoadEntry};
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
use crate::base::value::ValueType;
use bincode::{Decode, Encode};

#[derive(Encode, Decode)]
struct FirstLoad {
    file: String,
    content: Digest128,
    shape: FirstShape,
    types: Vec<FirstType>,
}

#[derive(Encode, Decode)]
struct FirstType {
    event: Option<String>,
    name: String,
    value_type: ValueType,
}

#[derive(Encode, Decode)]
struct FirstShape {
    format: FirstFormat,
    event: Option<Said>,
    ids: Vec<(String, String)>,
    time: Option<String>,
    time_unit: TimeUnit,
    zone: String,
    message_id: Vec<String>,
}

#[derive(Encode, Decode)]
enum FirstFormat {
    Delimited { delimiter: u8, header: Vec<String> },
    Whitespace { header: Vec<String> },
    Json,
}

/// The beginning of a load, from a payload of the first version.
///
/// # Errors
/// `Corrupt`.
pub(super) fn decode_load(payload: &[u8]) -> Result<LoadEntry> {
    let FirstLoad { file, content, shape, types } = codec::decode(payload)?;
    let FirstShape { format, event, ids, time, time_unit, zone, message_id } = shape;
    let format = match format {
        FirstFormat::Delimited { delimiter, header } => {
            RowFormat::Delimited { dialect: Dialect::standard(delimiter), header }
        }
        FirstFormat::Whitespace { header } => RowFormat::Whitespace { header },
        FirstFormat::Json => RowFormat::Json,
    };
    let kind = event.map_or(RowKind::Identify, RowKind::Track);
    let encoding = "utf-8".to_owned();
    let readings = Vec::new();
    let shape =
        FileShape { format, kind, ids, time, time_unit, zone, message_id, encoding, readings };
    let types = types.into_iter().map(|first| {
        let FirstType { event, name, value_type } = first;
        InferredType { event, entity: None, name, value_type }
    });
    Ok(LoadEntry { file, content, shape, types: types.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_of_the_first_version_is_read_still() {
        let shape = FirstShape {
            format: FirstFormat::Delimited { delimiter: b',', header: vec!["a".into()] },
            event: Some(Said::Fixed("e".into())),
            ids: vec![("u".into(), "a".into())],
            time: None,
            time_unit: TimeUnit::Iso,
            zone: "UTC".into(),
            message_id: vec![],
        };
        let (name, value_type) = ("t".to_owned(), ValueType::Decimal);
        let types = vec![FirstType { event: None, name: name.clone(), value_type }];
        let first = FirstLoad { file: "f".into(), content: [4; 16], shape, types };
        let types = vec![InferredType { event: None, entity: None, name, value_type }];
        let bytes = codec::encode(&first).unwrap();
        // The bytes that the first version wrote.
        assert_eq!(codec::hex(&codec::digest(&bytes)), "fa6fa915db5f2465a834179708720f70");
        let load = decode_load(&bytes).unwrap();
        assert_eq!((load.file.as_str(), load.content, load.types), ("f", [4; 16], types));
        assert_eq!(load.shape.fixed_event(), Some("e"));
        assert_eq!(
            load.shape.format,
            RowFormat::Delimited { dialect: Dialect::standard(b','), header: vec!["a".into()] }
        );
    }
}
