"""Parts of the wide-QRS study: labels and features, published models, protocols, real ECGs."""
