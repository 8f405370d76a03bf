// The class that CMSSW's hls4mlEmulator loader expects. Where its header is installed that one is used; otherwise this has the same
// functions in the same order, which is what the loader's calls rely on.
#pragma once
#if defined(__has_include)
#if __has_include("hls4ml/emulator.h")
#include "hls4ml/emulator.h"
#define L1AD_HAS_LOADER 1
#endif
#endif

#if !defined(L1AD_HAS_LOADER)
#include <any>
namespace hls4mlEmulator {
class Model {
 public:
  virtual void prepare_input(std::any input) = 0;
  virtual void predict() = 0;
  virtual void read_result(std::any result) = 0;
  virtual ~Model() = default;
};
}  // namespace hls4mlEmulator
#endif
