// One event at a time through the interface of hls4mlEmulator::Model:
//   prepare_input takes a pointer to l1ad_columns() integers (int32_t*, int16_t*, int64_t* or their const forms) or a pointer to a
//   std::vector<int>;
//   built with AP_TYPES, prepare_input and read_result also take the types in condition.h;
//   read_result takes int64_t* (integer score), double* (its value) or std::pair<int64_t, uint64_t>* (score and trigger bits).
#include "hls4ml_model.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "l1ad_emulator.h"
#if defined(L1AD_CONDITION)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of the headers of the condition's types, once they are inlined here
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include "condition.h"
#endif

namespace {

class AnomalyModel : public hls4mlEmulator::Model {
 public:
  AnomalyModel() : input_(l1ad_columns()) {}

  void prepare_input(std::any input) override {
    const bool taken = copy<const int32_t*>(input) || copy<int32_t*>(input) || copy<const int16_t*>(input) || copy<int16_t*>(input) ||
                       copy<const int64_t*>(input) || copy<int64_t*>(input) || copy_vector(input) || copy_condition(input);
    if (!taken) throw std::invalid_argument("prepare_input needs a pointer to integers or to a std::vector<int>, got " + name(input));
  }

  void predict() override {
    if (l1ad_score32(input_.data(), 1, &score_, &bits_, 1) != 0)
      throw std::out_of_range("an input is outside the hardware range of its column");
  }

  void read_result(std::any result) override {
    if (auto* score = std::any_cast<int64_t*>(&result))
      **score = score_;
    else if (auto* value = std::any_cast<double*>(&result))
      **value = (double)score_ * l1ad_step();
    else if (auto* both = std::any_cast<std::pair<int64_t, uint64_t>*>(&result))
      **both = {score_, bits_};
    else if (!give_condition(result))
      throw std::invalid_argument("read_result needs int64_t*, double* or std::pair<int64_t, uint64_t>*, got " + name(result));
  }

 private:
  static std::string name(const std::any& value) { return value.type().name(); }

  template <class Pointer>
  bool copy(const std::any& input) {
    const auto* values = std::any_cast<Pointer>(&input);
    if (values == nullptr) return false;
    for (size_t i = 0; i < input_.size(); ++i) set(i, (*values)[i]);
    return true;
  }

  bool copy_vector(const std::any& input) {
    const std::vector<int>* values = nullptr;
    if (const auto* p = std::any_cast<std::vector<int>*>(&input)) values = *p;
    if (const auto* p = std::any_cast<const std::vector<int>*>(&input)) values = *p;
    if (values == nullptr) return false;
    if (values->size() != input_.size())
      throw std::invalid_argument("prepare_input needs " + std::to_string(input_.size()) + " integers, got " + std::to_string(values->size()));
    for (size_t i = 0; i < input_.size(); ++i) set(i, (*values)[i]);
    return true;
  }

#if defined(L1AD_CONDITION)
  // What the condition of the trigger's own software hands over and takes back, see condition.h.
  bool copy_condition(const std::any& input) {
    const condition::input_t* values = nullptr;
    if (const auto* p = std::any_cast<condition::input_t*>(&input)) values = *p;
    if (const auto* p = std::any_cast<const condition::input_t*>(&input)) values = *p;
    if (values == nullptr) return false;
    for (size_t i = 0; i < input_.size(); ++i) {
      const double counts = values[i].to_double() * condition::COUNTS[i];
      if (counts != (double)(int64_t)counts) throw std::invalid_argument("an input is no whole number of hardware counts");
      set(i, (int64_t)counts);
    }
    return true;
  }
  bool give_condition(const std::any& result) const {
    const auto* answer = std::any_cast<condition::answer_t*>(&result);
    if (answer == nullptr) return false;
    if (condition::answer(input_.data(), (double)score_ * l1ad_step(), **answer) != 0)
      throw std::out_of_range("an input is outside the hardware range of its column");
    return true;
  }
#else
  bool copy_condition(const std::any&) { return false; }
  bool give_condition(const std::any&) const { return false; }
#endif

  void set(size_t i, int64_t value) {
    if (value < INT32_MIN || value > INT32_MAX) throw std::out_of_range("an input is outside the hardware range of its column");
    input_[i] = (int32_t)value;
  }

  std::vector<int32_t> input_;
  int64_t score_ = 0;
  uint64_t bits_ = 0;
};

}  // namespace

extern "C" hls4mlEmulator::Model* create_model() { return new AnomalyModel; }
extern "C" void destroy_model(hls4mlEmulator::Model* model) { delete model; }
