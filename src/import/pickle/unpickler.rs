//! The stack machine of pickles, protocol 2 to 5.

use super::callable::{self, CallResult, Callable};
use super::{MAX_VALUES, Namespace, Pickle, PickleValue, ValueId};
use crate::error::{Error, Result, Stage};
use std::collections::HashMap;

/// Protocols that PyTorch writes.
const PROTOCOLS: core::ops::RangeInclusive<u8> = 2..=5;
/// The longest name of a module or callable, in bytes.
const MAX_LINE: usize = 1024;

/// The state of one run through a pickle.
pub struct Unpickler<'pickle> {
    bytes: &'pickle [u8],
    position: usize,
    namespace: Namespace,
    values: Vec<PickleValue>,
    stack: Vec<ValueId>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: HashMap<u32, ValueId>,
}

impl<'pickle> Unpickler<'pickle> {
    pub fn new(bytes: &'pickle [u8], namespace: Namespace) -> Self {
        Self {
            bytes,
            position: 0,
            namespace,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    pub fn run(mut self) -> Result<Pickle> {
        if self.byte()? != 0x80 || !PROTOCOLS.contains(&self.byte()?) {
            return Err(self.malformed("another protocol"));
        }
        loop {
            let operation = self.byte()?;
            if operation == b'.' {
                break;
            }
            self.step(operation)?;
            if self.values.len().max(self.stack.len()).max(self.memo.len()).max(self.marks.len()) > MAX_VALUES {
                return Err(self.malformed("too many values"));
            }
        }
        let root = self.pop()?;
        Ok(Pickle { values: self.values, root })
    }

    /// Executes one operation. Order and names are those of Python's `pickletools`.
    fn step(&mut self, operation: u8) -> Result<()> {
        match operation {
            // BININT, BININT1, BININT2, LONG1, LONG4
            b'J' => {
                self.take_array().map(|b| PickleValue::Int(i32::from_le_bytes(b).into())).and_then(|v| self.push(v))
            }
            b'K' => self.byte().map(|b| PickleValue::Int(b.into())).and_then(|v| self.push(v)),
            b'M' => {
                self.take_array().map(|b| PickleValue::Int(u16::from_le_bytes(b).into())).and_then(|v| self.push(v))
            }
            0x8a => self.byte().and_then(|length| self.long(length.into())),
            0x8b => self.length4().and_then(|length| self.long(length)),
            // SHORT_BINSTRING, BINSTRING, SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'U' | b'C' => self.byte().and_then(|length| self.blob(length.into())),
            b'T' | b'B' => self.length4().and_then(|length| self.blob(length)),
            0x8e | 0x96 => self.length8().and_then(|length| self.blob(length)),
            // NONE, NEWTRUE, NEWFALSE, BINFLOAT
            b'N' => self.push(PickleValue::Other),
            0x88 => self.push(PickleValue::Bool(true)),
            0x89 => self.push(PickleValue::Bool(false)),
            b'G' => self.take(8).and_then(|_| self.push(PickleValue::Other)),
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
            0x8c => self.byte().and_then(|length| self.text(length.into())),
            b'X' => self.length4().and_then(|length| self.text(length)),
            0x8d => self.length8().and_then(|length| self.text(length)),
            // EMPTY_LIST, APPEND, APPENDS
            b']' => self.push(PickleValue::List(Vec::new())),
            b'a' => self.popped(1).and_then(|items| self.append(items)),
            b'e' => self.since_mark().and_then(|items| self.append(items)),
            // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
            b')' => self.push(PickleValue::Tuple(Vec::new())),
            b't' => self.since_mark().and_then(|items| self.push(PickleValue::Tuple(items))),
            0x85..=0x87 => {
                self.popped(usize::from(operation - 0x84)).and_then(|items| self.push(PickleValue::Tuple(items)))
            }
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.push(PickleValue::Dict(Vec::new())),
            b's' => self.popped(2).and_then(|items| self.set_items(&items)),
            b'u' => self.since_mark().and_then(|items| self.set_items(&items)),
            // EMPTY_SET, ADDITEMS, FROZENSET
            0x8f => self.push(PickleValue::Other),
            0x90 => self.since_mark().map(drop),
            0x91 => self.since_mark().and_then(|_| self.push(PickleValue::Other)),
            // POP, POP_MARK, DUP, MARK
            b'0' => self.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => self.top().map(|id| self.stack.push(id)),
            b'(' => self.mark(),
            // BINGET, LONG_BINGET, BINPUT, LONG_BINPUT, MEMOIZE
            b'h' => self.byte().and_then(|index| self.recall(index.into())),
            b'j' => self.take_array().and_then(|index| self.recall(u32::from_le_bytes(index))),
            b'q' => self.byte().and_then(|index| self.memorise(index.into())),
            b'r' => self.take_array().and_then(|index| self.memorise(u32::from_le_bytes(index))),
            0x94 => self.memorise(self.memo.len() as u32),
            // GLOBAL, STACK_GLOBAL, REDUCE, BUILD, NEWOBJ, BINPERSID
            b'c' => self.global(),
            0x93 => self.stack_global(),
            b'R' => self.reduce(),
            b'b' => self.build(),
            0x81 => self.new_object(),
            b'Q' => self.persistent(),
            // FRAME
            0x95 => self.take(8).map(drop),
            // INST names a callable and calls it.
            b'i' => self.global().and_then(|()| Err(self.malformed("operation INST"))),
            other => Err(self.malformed(&format!("operation {other:#04x}"))),
        }
    }

    fn malformed(&self, what: &str) -> Error {
        let got = format!("{what} at byte {}", self.position);
        Error::new(Stage::Import, "a whole pickle of tensors, protocol 2 to 5", got, "download or save the file again")
    }

    fn take(&mut self, count: usize) -> Result<&'pickle [u8]> {
        let rest: &'pickle [u8] = &self.bytes[self.position..];
        let taken = rest.get(..count).ok_or_else(|| self.malformed("the end of the file"))?;
        self.position += count;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8> {
        self.take_array().map(|[byte]| byte)
    }

    fn length4(&mut self) -> Result<usize> {
        self.take_array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn length8(&mut self) -> Result<usize> {
        let length = u64::from_le_bytes(self.take_array()?);
        usize::try_from(length).map_err(|_| self.malformed("the end of the file"))
    }

    fn line(&mut self) -> Result<&'pickle str> {
        let rest: &'pickle [u8] = &self.bytes[self.position..];
        let end = rest.iter().take(MAX_LINE).position(|&byte| byte == b'\n');
        let line = self.take(end.ok_or_else(|| self.malformed("a name without an end"))?)?;
        self.take(1)?;
        core::str::from_utf8(line).map_err(|_| self.malformed("a name that is not UTF-8"))
    }

    fn push(&mut self, value: PickleValue) -> Result<()> {
        self.stack.push(self.values.len() as ValueId);
        self.values.push(value);
        Ok(())
    }

    fn mark(&mut self) -> Result<()> {
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// Returns the height of the stack at the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<ValueId> {
        let top = self.stack.get(self.floor()..).and_then(<[ValueId]>::last);
        top.copied().ok_or_else(|| self.malformed("an empty stack"))
    }

    fn pop(&mut self) -> Result<ValueId> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn popped(&mut self, count: usize) -> Result<Vec<ValueId>> {
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= self.floor());
        let start = start.ok_or_else(|| self.malformed("an empty stack"))?;
        Ok(self.stack.split_off(start))
    }

    fn since_mark(&mut self) -> Result<Vec<ValueId>> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("no mark"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn long(&mut self, length: usize) -> Result<()> {
        let bytes = self.take(length)?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        let Some(low) = wide.get_mut(..length) else { return self.push(PickleValue::Other) };
        low.copy_from_slice(bytes);
        self.push(PickleValue::Int(i64::from_le_bytes(wide)))
    }

    fn blob(&mut self, length: usize) -> Result<()> {
        self.take(length)?;
        self.push(PickleValue::Other)
    }

    fn text(&mut self, length: usize) -> Result<()> {
        let text = core::str::from_utf8(self.take(length)?).map_err(|_| self.malformed("text that is not UTF-8"))?;
        self.push(PickleValue::Text(text.to_owned()))
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let id = self.memo.get(&index).copied().ok_or_else(|| self.malformed("an unused memo entry"))?;
        self.stack.push(id);
        Ok(())
    }

    fn memorise(&mut self, index: u32) -> Result<()> {
        self.memo.insert(index, self.top()?);
        Ok(())
    }

    fn append(&mut self, items: Vec<ValueId>) -> Result<()> {
        let list = self.top()?;
        if let Some(PickleValue::List(all)) = self.values.get_mut(list as usize) {
            all.extend(items);
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[ValueId]) -> Result<()> {
        let dictionary = self.top()?;
        match self.values.get_mut(dictionary as usize) {
            Some(PickleValue::Dict(pairs)) if items.len().is_multiple_of(2) => {
                pairs.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            _ => Err(self.malformed("items for a value that is not a dictionary")),
        }
    }

    fn global(&mut self) -> Result<()> {
        let (module, name) = (self.line()?, self.line()?);
        let callable = self.namespace.find(module, name)?;
        self.push(PickleValue::Callable(callable))
    }

    fn stack_global(&mut self) -> Result<()> {
        let names = self.popped(2)?;
        let [PickleValue::Text(module), PickleValue::Text(name)] = [0, 1].map(|i| &self.values[names[i] as usize])
        else {
            return Err(self.malformed("a name that is not UTF-8"));
        };
        let callable = self.namespace.find(module, name)?;
        self.push(PickleValue::Callable(callable))
    }

    /// Pops a callable and its arguments.
    fn call(&mut self) -> Result<(Callable, Vec<ValueId>)> {
        let call = self.popped(2)?;
        match [0, 1].map(|i| &self.values[call[i] as usize]) {
            [PickleValue::Callable(callable), PickleValue::Tuple(arguments)]
                if arguments.len() <= callable::MAX_ARGUMENTS =>
            {
                Ok((callable.clone(), arguments.clone()))
            }
            _ => Err(self.malformed("a call of a value that is not callable")),
        }
    }

    fn reduce(&mut self) -> Result<()> {
        let (callable, arguments) = self.call()?;
        match callable::call(&callable, &arguments, &self.values) {
            Some(CallResult::Argument(id)) => {
                self.stack.push(id);
                Ok(())
            }
            Some(CallResult::New(value)) => self.push(value),
            None => Err(self.malformed("a call with other arguments than a tensor's")),
        }
    }

    fn new_object(&mut self) -> Result<()> {
        match self.call()? {
            (Callable::Module, arguments) if arguments.is_empty() => self.push(PickleValue::Module(Vec::new())),
            _ => Err(self.malformed("an object of another class than a module")),
        }
    }

    /// Sets the attributes of a module. The state of a dictionary or a tensor holds no weights and is dropped.
    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let object = self.top()?;
        let PickleValue::Module(_) = self.values[object as usize] else { return Ok(()) };
        let PickleValue::Dict(attributes) = &mut self.values[state as usize] else {
            return Err(self.malformed("a module without attributes"));
        };
        let attributes = core::mem::take(attributes);
        self.values[object as usize] = PickleValue::Module(attributes);
        Ok(())
    }

    fn persistent(&mut self) -> Result<()> {
        let id = self.pop()?;
        let PickleValue::Tuple(id) = &self.values[id as usize] else {
            return Err(self.malformed("a storage without its name"));
        };
        match callable::storage(id, &self.values) {
            Some(storage) => self.push(PickleValue::Storage(storage)),
            None => Err(self.malformed("a storage that is not described as PyTorch does")),
        }
    }
}
