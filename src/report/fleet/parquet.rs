//! A flat table as a Parquet file, written row group by row group.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use crate::report::WriteError;

/// The number of rows of a row group: what is in memory at a time.
const GROUP_ROWS: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Text,
    OptionalText,
    /// Milliseconds since 1970, UTC.
    OptionalTime,
    OptionalInteger,
    Boolean,
}

impl ColumnType {
    fn declaration(self) -> (&'static str, &'static str) {
        match self {
            ColumnType::Text => ("required binary", " (UTF8)"),
            ColumnType::OptionalText => ("optional binary", " (UTF8)"),
            ColumnType::OptionalTime => ("optional int64", " (TIMESTAMP(MILLIS,true))"),
            ColumnType::OptionalInteger => ("optional int64", ""),
            ColumnType::Boolean => ("required boolean", ""),
        }
    }
}

/// One column: its name and its type.
pub(super) type Column = (&'static str, ColumnType);

/// One value of a row.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Text(Option<&'a str>),
    Integer(Option<i64>),
    Boolean(bool),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(Some(text))
    }
}

/// The values of a column that are not written yet. Levels say which rows have one.
#[derive(Debug, Default)]
struct Buffer {
    texts: Vec<ByteArray>,
    integers: Vec<i64>,
    booleans: Vec<bool>,
    levels: Vec<i16>,
}

/// A table that is being written.
pub(super) struct Table<W: Write + Send> {
    columns: &'static [Column],
    buffers: Vec<Buffer>,
    rows: usize,
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> Table<W> {
    /// Begins a table.
    pub(super) fn new(name: &str, columns: &'static [Column], out: W) -> Result<Self, WriteError> {
        let mut schema = format!("message {name} {{");
        for (column, kind) in columns {
            let (before, after) = kind.declaration();
            schema.push_str(&format!(" {before} {column}{after};"));
        }
        schema.push('}');
        let schema = parse_message_type(&schema).map_err(to_write_error)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        Ok(Table {
            columns,
            buffers: columns.iter().map(|_| Buffer::default()).collect(),
            rows: 0,
            writer: writer.map_err(to_write_error)?,
        })
    }

    /// Adds a row: one cell per column, in their order.
    pub(super) fn add_row(&mut self, cells: &[Cell<'_>]) -> Result<(), WriteError> {
        for (buffer, cell) in self.buffers.iter_mut().zip(cells) {
            let is_present = match cell {
                Cell::Text(text) => {
                    buffer.texts.extend(text.map(ByteArray::from));
                    text.is_some()
                }
                Cell::Integer(number) => {
                    buffer.integers.extend(number);
                    number.is_some()
                }
                Cell::Boolean(value) => {
                    buffer.booleans.push(*value);
                    true
                }
            };
            buffer.levels.push(i16::from(is_present));
        }
        self.rows += 1;
        match self.rows >= GROUP_ROWS {
            true => self.write_group().map_err(to_write_error),
            false => Ok(()),
        }
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for ((_, kind), buffer) in self.columns.iter().zip(&mut self.buffers) {
            if let Some(mut column) = group.next_column()? {
                write_column(&mut column, *kind, &std::mem::take(buffer))?;
                column.close()?;
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Ends the table and returns its output.
    pub(super) fn finish(mut self) -> Result<W, WriteError> {
        if self.rows > 0 {
            self.write_group().map_err(to_write_error)?;
        }
        self.writer.into_inner().map_err(to_write_error)
    }
}

fn write_column(
    column: &mut SerializedColumnWriter<'_>,
    kind: ColumnType,
    buffer: &Buffer,
) -> Result<(), ParquetError> {
    let levels = Some(buffer.levels.as_slice());
    match kind {
        ColumnType::Text => column
            .typed::<ByteArrayType>()
            .write_batch(&buffer.texts, None, None),
        ColumnType::OptionalText => {
            column
                .typed::<ByteArrayType>()
                .write_batch(&buffer.texts, levels, None)
        }
        ColumnType::OptionalTime | ColumnType::OptionalInteger => column
            .typed::<Int64Type>()
            .write_batch(&buffer.integers, levels, None),
        ColumnType::Boolean => column
            .typed::<BoolType>()
            .write_batch(&buffer.booleans, None, None),
    }
    .map(drop)
}

fn to_write_error(error: ParquetError) -> WriteError {
    WriteError::Io(io::Error::other(error))
}
