"""HTML by hand: elements whose texts are escaped, tables, pictures, pages. Knows of no object."""
