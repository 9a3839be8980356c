//! Owns the places of code that belongs to no module.
//! Refuses to look for a module.

/// Pages of such code, so that the list of modules is not read a second time for one of them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Strange {
    pages: [u64; 16],
    count: usize,
}

impl Strange {
    /// Notes the page of this address. False: it is known, or there is no room for it.
    pub(crate) fn is_new(&mut self, at: u64) -> bool {
        let page = at >> 12;
        if self.pages[..self.count].contains(&page) {
            return false;
        }
        let Some(place) = self.pages.get_mut(self.count) else { return false };
        *place = page;
        self.count += 1;
        true
    }
}
