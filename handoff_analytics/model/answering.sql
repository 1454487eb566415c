SELECT basis, name, system, other_system
FROM learnt;
COMMENT ON TABLE answering IS 'One row a name by which callers whose call nobody reports call somebody: who answered to it elsewhere.';
COMMENT ON COLUMN answering.basis IS 'What the name is: peer, destination or operation.';
COMMENT ON COLUMN answering.name IS 'As the caller says it.';
COMMENT ON COLUMN answering.system IS 'A system that answered to it.';
COMMENT ON COLUMN answering.other_system IS 'Another that did, or the same: then it is the one that is meant.';
