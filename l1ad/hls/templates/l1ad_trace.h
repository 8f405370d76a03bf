// A simulation that looks at inner arrays defines L1AD_TRACE(node, array, size) before; everywhere else it is nothing.
#ifndef L1AD_TRACE
#define L1AD_TRACE(node, array, size)
#endif
