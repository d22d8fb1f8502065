//! The state dicts in one file, whatever kind of file it is.

use super::archive::Archive;
use super::tensors::Tensors;
use crate::error::{Error, Result, Stage};

/// How a zip archive begins, which is what `torch.save` writes since PyTorch 1.6.
const ZIP: &[u8] = b"PK\x03\x04";
/// How a bare pickle begins, which is what `torch.save` wrote before.
const PICKLES: [&[u8]; 4] = [b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"];
/// Where the tar archives of the first PyTorch say what they are.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// What stands after the length of a safetensors file's header, which may be any number.
const SAFETENSORS: (usize, &[u8]) = (8, b"{");

/// What one file holds.
#[derive(Clone, Debug)]
pub struct StateDicts<'data> {
    /// The tensors of the two towers.
    pub weights: Tensors<'data>,
    /// The tensors of ActionCLIP's temporal transformer.
    pub temporal: Option<Tensors<'data>>,
    /// Whether the file is a TorchScript archive, as OpenAI's own are.
    pub is_torch_script: bool,
}

impl<'data> StateDicts<'data> {
    /// The state dicts in `bytes`: a zip archive by `torch.save`, or a safetensors file. Nothing in it is executed.
    ///
    /// # Errors
    /// When the bytes are cut, of another kind, or name anything but tensors.
    pub fn parse(bytes: &'data [u8]) -> Result<Self> {
        if bytes.starts_with(ZIP) {
            let archive = Archive::parse(bytes)?;
            let is_torch_script = archive.is_torch_script();
            return Ok(Self { weights: archive.weights()?, temporal: archive.temporal()?, is_torch_script });
        }
        let holds = |(at, sign): (usize, &[u8])| bytes.get(at..).is_some_and(|rest| rest.starts_with(sign));
        let is_pickle = PICKLES.iter().any(|sign| bytes.starts_with(sign)) && !holds(SAFETENSORS);
        if is_pickle || holds(TAR) {
            let expected = "a zip archive by torch.save of PyTorch 1.6 or later";
            let next = "save it again with a newer PyTorch: torch.save(torch.load(FILE), NEW)";
            return Err(Error::new(Stage::Import, expected, "the older format", next));
        }
        Ok(Self { weights: Tensors::from_safetensors(bytes)?, temporal: None, is_torch_script: false })
    }
}
