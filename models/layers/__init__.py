"""Operations and layers that networks are made of, exact integers forward."""
