//! Owns text that comes in pieces, as from a pipe: a piece may end within a character.
//! Refuses to know where the pieces come from.

/// Bytes of a character whose rest has not come yet.
#[derive(Default)]
pub struct Pieces(Vec<u8>);

impl Pieces {
    /// Appends the whole characters of this piece, and of the piece before, to the text.
    pub fn append(&mut self, piece: &[u8], text: &mut String) {
        self.0.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&self.0) {
            Err(cut) if cut.error_len().is_none() => cut.valid_up_to(),
            _ => self.0.len(),
        };
        let bytes: Vec<u8> = self.0.drain(..whole).collect();
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
}
