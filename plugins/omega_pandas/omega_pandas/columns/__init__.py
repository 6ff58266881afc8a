"""A column or an index of any dtype as an Arrow array and a JSON description; and back."""
