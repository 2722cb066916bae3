// numpy arrays, looked at and made without a call into Python: a step of a stream takes less time than such a call.
//
// The first indices of numpy's table of functions and the head of its array object are the same in numpy 1 and 2 (its
// ABI promises it, and pybind11 builds on it too). They are written down here, so that building needs no headers of
// numpy.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <vector>

namespace recurra {

namespace nb = nanobind;

using NumpyShape = std::vector<Py_intptr_t>;

class Numpy {
 public:
  static const Numpy& get() {
    static const Numpy* numpy = new Numpy;  // Never freed: it holds references of an interpreter that may be gone.
    return *numpy;
  }

  // The memory of an array of exactly this shape and type, C-contiguous; null for anything else, which may still be
  // an array: of a subclass, or with a type object of its own.
  char* memory(nb::handle object, const NumpyShape& shape, bool is_int, bool writeable = false) const {
    if (object.type().ptr() != array_type_) return nullptr;
    const auto* array = reinterpret_cast<const Array*>(object.ptr());
    const int wanted = kContiguous | kAligned | (writeable ? kWriteable : 0);
    if (array->type != (is_int ? int_type_ : float_type_) || (array->flags & wanted) != wanted ||
        array->dimensions != static_cast<int>(shape.size()))
      return nullptr;
    for (size_t d = 0; d < shape.size(); d++)
      if (array->shape[d] != shape[d]) return nullptr;
    return array->data;
  }

  // A new array, not filled, and its memory.
  nb::object empty(const NumpyShape& shape, bool is_int, char** data) const {
    PyObject* type = is_int ? int_type_ : float_type_;
    Py_INCREF(type);  // the call takes one over
    PyObject* made = new_from_type_(array_type_, type, static_cast<int>(shape.size()),
                                    const_cast<Py_intptr_t*>(shape.data()), nullptr, nullptr, 0, nullptr);
    if (!made) nb::raise_python_error();
    *data = reinterpret_cast<Array*>(made)->data;
    return nb::steal(made);
  }

 private:
  struct Array {  // the head of PyArrayObject
    PyObject_HEAD char* data;
    int dimensions;
    Py_intptr_t* shape;
    Py_intptr_t* strides;
    PyObject* base;
    PyObject* type;
    int flags;
  };
  static constexpr int kContiguous = 0x1, kAligned = 0x100, kWriteable = 0x400;
  static constexpr int kInt32 = 5, kFloat32 = 11;

  Numpy() {
    nb::object module;
    try {
      module = nb::module_::import_("numpy._core._multiarray_umath");
    } catch (nb::python_error&) {
      module = nb::module_::import_("numpy.core._multiarray_umath");  // before numpy 2
    }
    nb::object capsule = module.attr("_ARRAY_API");
    auto** table = static_cast<void**>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
    if (!table) nb::raise_python_error();
    array_type_ = static_cast<PyObject*>(table[2]);
    auto type_of_number = reinterpret_cast<PyObject* (*)(int)>(table[45]);
    new_from_type_ = reinterpret_cast<NewFromType>(table[94]);
    float_type_ = type_of_number(kFloat32);
    int_type_ = type_of_number(kInt32);
    if (!float_type_ || !int_type_) nb::raise_python_error();
  }

  using NewFromType = PyObject* (*)(PyObject*, PyObject*, int, Py_intptr_t*, const Py_intptr_t*, void*, int, PyObject*);
  PyObject* array_type_;
  PyObject* float_type_;
  PyObject* int_type_;
  NewFromType new_from_type_;
};

}  // namespace recurra
