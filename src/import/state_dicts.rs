//! State dicts in one file: a safetensors file or a zip archive by `torch.save`.

use super::archive::Archive;
use super::tensors::Tensors;
use crate::error::{Error, Result, Stage};

/// First bytes of a zip archive, which `torch.save` writes since PyTorch 1.6.
const ZIP: &[u8] = b"PK\x03\x04";
/// First bytes of a bare pickle, which `torch.save` wrote before.
const PICKLES: [&[u8]; 4] = [b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"];
/// Offset and magic of the tar archives of the first PyTorch.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// Offset and first byte of a safetensors header; its length, which may be any number, comes before.
const SAFETENSORS: (usize, &[u8]) = (8, b"{");

/// The state dicts of one file.
#[derive(Clone, Debug)]
pub struct StateDicts<'data> {
    /// Tensors of the two towers.
    pub weights: Tensors<'data>,
    /// Tensors of ActionCLIP's temporal transformer.
    pub temporal: Option<Tensors<'data>>,
    /// Whether the file is a TorchScript archive, as OpenAI's are.
    pub is_torch_script: bool,
}

impl<'data> StateDicts<'data> {
    /// Parses a zip archive by `torch.save` or a safetensors file. Executes nothing in it.
    ///
    /// # Errors
    /// Returns an error if the bytes are cut, of another format, or hold anything but tensors.
    pub fn parse(bytes: &'data [u8]) -> Result<Self> {
        if bytes.starts_with(ZIP) {
            let archive = Archive::parse(bytes)?;
            let is_torch_script = archive.is_torch_script();
            return Ok(Self { weights: archive.weights()?, temporal: archive.temporal()?, is_torch_script });
        }
        let holds = |(offset, magic): (usize, &[u8])| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        let is_pickle = PICKLES.iter().any(|magic| bytes.starts_with(magic)) && !holds(SAFETENSORS);
        if is_pickle || holds(TAR) {
            let expected = "a zip archive by torch.save of PyTorch 1.6 or later";
            let next = "save it again with a newer PyTorch: torch.save(torch.load(FILE), NEW)";
            return Err(Error::new(Stage::Import, expected, "the older format", next));
        }
        Ok(Self { weights: Tensors::from_safetensors(bytes)?, temporal: None, is_torch_script: false })
    }
}
