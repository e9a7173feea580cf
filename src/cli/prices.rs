//! The prices that estimates use.

use std::path::Path;

use anyhow::Context;

use crate::cost::prices::PriceList;

use super::input;

/// Returns the built-in prices, with those of a file in their place.
pub(super) fn read_prices(path: Option<&Path>) -> anyhow::Result<PriceList> {
    let built_in = PriceList::built_in().context("built-in prices")?;
    let Some(path) = path else {
        return Ok(built_in);
    };
    let text = input::read_text(path).context("--prices")?;
    let own = PriceList::parse(&text);
    let own = own.with_context(|| format!("--prices {}", input::display_name(path)))?;
    Ok(built_in.replaced_by(own))
}
