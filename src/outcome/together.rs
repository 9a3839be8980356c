//! Owns the grouping of rows that are alike, for texts and pictures that show a group once.
//! Refuses to know when two rows are alike: the caller gives each row a *shape*, which is a hash.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::rt::index::Index;

/// The shape of rows that are alike if these values are equal.
pub(crate) fn hash_of(values: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    values.hash(&mut hasher);
    hasher.finish()
}

/// Groups the items of one shape. The groups stand in the order of their first items. An item
/// without a shape is a group of its own.
pub(crate) fn together<T>(items: Vec<T>, shape: impl Fn(&T) -> Option<u64>) -> Vec<Vec<T>> {
    let (mut groups, mut places): (Vec<Vec<T>>, Index<usize>) = (Vec::new(), Index::new());
    for item in items {
        let place = shape(&item).map(|shape| *places.get_or_insert_with(shape, || groups.len()));
        match place.and_then(|place| groups.get_mut(place)) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}
